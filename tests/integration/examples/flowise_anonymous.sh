curl --request DELETE \
  --url "$ADDRESS/api/v1/apikey/$KEY_ID"
