package main

import (
	"fmt"
	"net/http"
	"os"
)

func main() {
	url := os.ExpandEnv("$ADDRESS/api/v1/applications/$APPLICATION_ID/api-keys/$KEY_ID")
	req, err := http.NewRequest("DELETE", url, nil)
	if err != nil {
		panic(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+os.Getenv("API_KEY"))
	client := &http.Client{}
	resp, err := client.Do(req)
	if err != nil {
		panic(err)
	}
	defer resp.Body.Close()
	fmt.Println("Response Status:", resp.Status)
}
