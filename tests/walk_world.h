// SPDX-License-Identifier: BSD-2-Clause
// The proxy's worker as it runs in the process: its own thread, one UDP listener, one scripted backend, a published
// configuration; and a client. Only the console and Lua are missing.
//
// Owner: the test, one world at a time. The draft is the test's to edit; walk_publish() makes it hold.
#ifndef TESTS_WALK_WORLD_H
#define TESTS_WALK_WORLD_H

#include "dnsproxy/config/configuration.h"
#include "dnsproxy/net/listener.h"
#include "tests/dns_responder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

struct walk_world {
  struct responder responder;
  struct backend *backend;   // in the default pool, up; borrowed from the draft
  struct listener *listener; // borrowed from the draft
  int client;                // a UDP socket connected to the listener
  uint16_t id;               // of the newest query
  uint8_t answer[4608];      // the newest answer
  size_t answer_size;
};

extern struct walk_world walk;

// cmocka set-up and tear-down. The latter stops the worker, asserts that every query is accounted for, frees everything.
int walk_open(void **state);
int walk_close(void **state);

// The backend with other options (NULL: the usual ones) takes the place of the one before.
void walk_backend(const struct backend_options *);
void walk_backend_options(struct backend_options *); // the usual ones: the responder's address
void walk_rule(enum chain_id, const char *selector, const char *action); // tests/rule_spec.h; at the chain's end
void walk_publish(void);
void walk_stop(void); // the worker drops what it has and ends; walk_close() does it otherwise

int walk_client(const char *from); // another client socket; the test closes it
// Sends a query for NAME A, with an OPT if payload is not 0. A new id each.
void walk_ask(const char *name, uint16_t payload);
void walk_send(const void *bytes, size_t size);
bool walk_receive(void);          // waits for an answer with the newest id; false: none came within two seconds
void walk_expect(unsigned rcode); // walk_receive(), and the answer's rcode
void walk_silent(void);           // all queries have ended or are parked, and no answer waits at the client
void walk_until(bool (*done)(void)); // waits, for five seconds at most

uint64_t walk_count(enum counter);
uint64_t walk_drops(enum drop);
uint64_t walk_parked(void);
// queries = answers sent + drops + parked. Waits until the worker is between two batches.
bool walk_balanced(void);

#endif
