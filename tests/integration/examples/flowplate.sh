curl -X DELETE "$ADDRESS/v1/flowplate/api-keys/user/$USER_ID" \
  -H "X-API-Key: $API_KEY"
