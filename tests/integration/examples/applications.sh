curl -X DELETE "$ADDRESS/api/v1/applications/$APPLICATION_ID/api-keys/$KEY_ID" \
  -H "Content-Type: application/json" \
  -H "Authorization: Bearer $API_KEY"
