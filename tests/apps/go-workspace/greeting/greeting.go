package greeting

// Text is made of C code, so that cgo has to be on.
func Text() string { return text() }
