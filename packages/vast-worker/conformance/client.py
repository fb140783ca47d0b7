"""Drives the official client and prints what it got, one JSON object."""

import asyncio
import json
import os

from vastai.serverless.client.client import Serverless


class Client(Serverless):
    SSL_CERT_URL = os.environ["ROUTER_URL"] + "/static/jvastai_root.cer"


async def main():
    seen = {}
    async with Client("account-key", autoscaler_url=os.environ["ROUTER_URL"], webserver_url=os.environ["ROUTER_URL"]) as client:
        endpoint = await client.get_endpoint("test")
        answer = await endpoint.request("/test", {"workload": 5, "what": "json"}, cost=5)
        seen["json"] = {"status": answer["status"], "response": answer["response"]}
        stream = await endpoint.request("/test", {"workload": 1, "what": "stream"}, cost=1, stream=True)
        seen["stream"] = [event async for event in stream["response"]]
        for status in ("429", "500"):
            answer = await endpoint.request("/test", {"workload": 1, "what": "fail-once-" + status}, cost=1)
            seen["after " + status] = answer["response"]
        session = await endpoint.session(cost=7, lifetime=60)
        answer = await session.request("/test", {"workload": 2, "what": "json"})
        seen["session"] = {"response": answer["response"], "open": await session.is_open()}
        await session.close()
    print(json.dumps(seen))


asyncio.run(main())
