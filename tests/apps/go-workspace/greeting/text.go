package greeting

// static const char *text(void) { return "Hello from a Go workspace, and from C"; }
import "C"

func text() string { return C.GoString(C.text()) }
