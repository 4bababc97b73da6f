const { ADDRESS, APPLICATION_ID, KEY_ID, API_KEY } = process.env;
const response = await fetch(`${ADDRESS}/api/v1/applications/${APPLICATION_ID}/api-keys/${KEY_ID}`, {
  method: "DELETE",
  headers: {
    "Content-Type": "application/json",
    "Authorization": `Bearer ${API_KEY}`
  }
});
const data = await response.json();
console.log(data);
