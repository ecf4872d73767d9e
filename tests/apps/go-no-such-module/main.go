package main

import _ "example.invalid/no/such"

func main() {}
