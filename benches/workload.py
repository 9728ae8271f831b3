"""A typical workload: json, re, pickle and classes. WORKLOAD_TURNS is the number of turns."""

import json
import os
import pickle
import re


class Account:
    def __init__(self, name, amount):
        self.name = name
        self.amount = amount
        self.history = []

    def pay(self, other, amount):
        self.amount -= amount
        other.amount += amount
        self.history.append((other.name, amount))


class Savings(Account):
    @property
    def interest(self):
        return self.amount * 0.01


def turn(number):
    people = [
        (Savings if n % 3 else Account)("name%d" % n, 100.0 + n) for n in range(60)
    ]
    for n, payer in enumerate(people * 4):
        payer.pay(people[(n * 7 + number) % len(people)], n % 11 + 0.5)
    book = {
        p.name: {"amount": p.amount, "history": p.history, "tags": [number, None, True]}
        for p in people
    }
    text = json.dumps(book, indent=1, sort_keys=True)
    assert len(json.loads(text)) == 60
    words = re.findall(r"name(\d+)\W+([\d.]+)", text)
    names = re.sub(r"(n)am(e)\d", lambda m: m.group(2) + m.group(1), text).split()
    again = pickle.loads(pickle.dumps(people, protocol=4))
    assert sum(p.amount for p in again) == sum(p.amount for p in people)
    interest = sum(getattr(p, "interest", 0.0) for p in again)
    return len(words) + len(set(names)) + interest


def main():
    total = sum(turn(n) for n in range(int(os.environ.get("WORKLOAD_TURNS", "100"))))
    assert total > 0


main()
