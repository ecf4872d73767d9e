package main

// #include <no_such_library.h>
import "C"

func main() {}
