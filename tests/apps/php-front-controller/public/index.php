<?php
require __DIR__ . '/../vendor/autoload.php';
echo (new App\Greeter)->greet(basename($_SERVER['REQUEST_URI']));
