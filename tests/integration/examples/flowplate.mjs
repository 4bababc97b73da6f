const apiKey = process.env.API_KEY;
const response = await fetch(`${process.env.ADDRESS}/v1/flowplate/api-keys/user/${process.env.USER_ID}`, {
  method: 'DELETE',
  headers: { 'X-API-Key': apiKey }
});
const data = await response.json();
console.log(data);
