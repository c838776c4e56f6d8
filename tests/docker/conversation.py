"""Plays customers and agents through the sandbox's JSON API (docs/sandbox.md).

conversation.py URL one     follow, be welcomed, write, be answered, unfollow
conversation.py URL many    forty customers write at once, each gets an answer of their own
"""
import json
import sys
import time
import urllib.parse
import urllib.request

BASE = sys.argv[1]
PATIENCE_S = 30


def call(path, body=None, **query):
    url = BASE + path + ("?" + urllib.parse.urlencode(query) if query else "")
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(url, data), timeout=20) as answer:
        return json.load(answer)


def wait_for(what, look):
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        found = look()
        if found:
            return found
        time.sleep(0.05)
    sys.exit(f"waited {PATIENCE_S} s in vain: {what}")


def agent_ids():
    return [agent["id"] for agent in call("/api/state")["agents"]]


def desk_with(account, text):
    """The agent whose desk shows this text from this IM account; None while nobody's does."""
    for agent in agent_ids():
        conversation = call("/api/agent", id=agent)["conversations"].get(account, [])
        if any(message["text"] == text and message["from"] == account for message in conversation):
            return agent
    return None


def phone_shows(customer, text):
    return [seen for seen in call("/api/customer", id=customer)["seen"] if seen["text"] == text]


def follow():
    answer = call("/api/follow", {"wait": True})
    assert answer["status"] == 200, answer
    return answer["customer"]


def ask_and_answer(customer, question, reply):
    assert call("/api/say", {"customer": customer, "text": question, "wait": True})["status"] == 200
    agent = wait_for(f"an agent sees {question!r}", lambda: desk_with(customer, question))
    assert call("/api/reply", {"agent": agent, "customer": customer, "text": reply, "wait": True})["status"] == 200
    shown = wait_for(f"the phone shows {reply!r}", lambda: phone_shows(customer, reply))
    assert len(shown) == 1, shown


def account_is_deleted(customer):
    return any(account["id"] == customer and account["deleted"] for account in call("/api/state")["accounts"])


def one():
    customer = follow()
    assert call("/api/customer", id=customer)["seen"], "no welcome"
    ask_and_answer(customer, "你好，还有货吗？", "有的 😀")
    call("/api/unfollow", {"customer": customer, "wait": True})
    wait_for("the IM account is deleted", lambda: account_is_deleted(customer))


def many():
    customers = [follow() for _ in range(40)]
    for n, customer in enumerate(customers):
        call("/api/say", {"customer": customer, "text": f"question {n}"})
    for n, customer in enumerate(customers):
        ask_and_answer(customer, f"and {n}?", f"answer {n}")
    for n, customer in enumerate(customers):
        assert desk_with(customer, f"question {n}"), f"question {n} is lost"


{"one": one, "many": many}[sys.argv[2]]()
