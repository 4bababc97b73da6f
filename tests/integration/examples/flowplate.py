import os
import requests

api_key = os.environ["API_KEY"]
response = requests.delete(
    f"{os.environ['ADDRESS']}/v1/flowplate/api-keys/user/{os.environ['USER_ID']}",
    headers={"X-API-Key": api_key},
)
print(response.json())
