import os

import requests

url = f"{os.environ['ADDRESS']}/api/v1/applications/{os.environ['APPLICATION_ID']}/api-keys/{os.environ['KEY_ID']}"
headers = {
    "Content-Type": "application/json",
    "Authorization": f"Bearer {os.environ['API_KEY']}",
}
response = requests.delete(url, headers=headers)
print(response.json())
