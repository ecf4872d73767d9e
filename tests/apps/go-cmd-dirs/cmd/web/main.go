package main

import (
	"log"
	"net/http"
	"os"

	"example.com/site/internal/page"
)

func main() {
	index, err := page.Load()
	if err != nil {
		log.Fatal(err)
	}
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { index.Execute(w, "cmd/web") })
	log.Fatal(http.ListenAndServe(":"+os.Getenv("PORT"), nil))
}
