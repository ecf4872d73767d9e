package main

import (
	"io"
	"log"
	"net/http"
	"os"

	"example.com/greeting"
)

func main() {
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, greeting.Text()) })
	log.Fatal(http.ListenAndServe(":"+os.Getenv("PORT"), nil))
}
