// As the client's deleteOrganizationApiKey sends it.
const { ADDRESS, KEY_ID, API_KEY } = process.env;
const response = await fetch(`${ADDRESS}/api/organization/api_key/${KEY_ID}`, {
  credentials: 'include',
  method: 'delete',
  headers: {
    'Content-Type': 'application/json',
    'Authorization': `Bearer ${API_KEY}`,
    'TR-Organization': 'w1'
  }
});
if (!response.ok) throw new Error(`HTTP error! status: ${await response.text()}`);
console.log(response.status, JSON.stringify(await response.text()));
