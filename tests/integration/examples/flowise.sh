curl -X DELETE \
  "$ADDRESS/api/v1/apikey/$KEY_ID" \
  -H "Authorization: Bearer $API_KEY"
