package page

import "html/template"

// Load reads a template from the folder that the app runs in.
func Load() (*template.Template, error) { return template.ParseFiles("templates/index.html") }
