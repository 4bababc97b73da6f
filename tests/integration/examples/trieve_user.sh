curl --request DELETE \
  --url "$ADDRESS/api/user/api_key/$KEY_ID" \
  --header "Authorization: $API_KEY" \
  --write-out '%{http_code}'
