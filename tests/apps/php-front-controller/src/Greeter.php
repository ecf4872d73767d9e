<?php
namespace App;

class Greeter
{
    public function greet(string $name): string
    {
        return 'Hello ' . \Normalizer::normalize($name) . ', bz2 ' . (extension_loaded('bz2') ? 'on' : 'off');
    }
}
