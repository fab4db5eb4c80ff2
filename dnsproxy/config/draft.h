// SPDX-License-Identifier: BSD-2-Clause
// The draft: the configuration being edited. Whoever holds the Lua lock owns it; leaving the outermost Lua call
// publishes it once if it changed.
#ifndef DNSPROXY_CONFIG_DRAFT_H
#define DNSPROXY_CONFIG_DRAFT_H

#include "dnsproxy/config/snapshot.h"

struct listener;

enum config_phase {
  PHASE_LOADING, // the configuration file runs
  PHASE_CHECK,   // ... under --check-config: no side effects on the system
  PHASE_CLIENT,  // ... in the console client: likewise
  PHASE_RUNNING, // workers are up: configuration-only functions refuse
};

struct draft {
  enum config_phase phase;
  bool changed; // something below differs from the snapshot built last
  struct snapshot *built; // last, a reference; NULL: none yet
  bool undelivered;       // workers do not have that one
  struct settings settings;
  struct netmask_set *acl, *proxy_acl, *console_acl; // copy-on-write: netmask_set_writable() first
  struct rule_list chains[CHAIN_COUNT];
  struct pool_draft pools;       // backends/pool.h
  struct dynblock_draft dynblocks; // guard/dynblock.h
  const struct observer *observers[OBSERVERS_MAX]; // core/observer.h
  size_t observer_count;
  struct listener **listeners;   // in showBinds order; fixed once running
  size_t listener_count;
  unsigned waiting_listeners;    // asked for, of transports that do not exist yet
  struct address console_address; // controlSocket
  bool console_set;
  void (*console_open)(const struct address *); // moves the console there while running: given by run/
  uint8_t console_key[32];
  bool console_key_set;          // a valid key
  char **capabilities;           // addCapabilitiesToRetain
  size_t capability_count;
  unsigned workers;              // 0: one per CPU allowed
};

extern struct draft draft;

void draft_init(void);   // defaults: settings, ACLs of cli.md section 3, pool "", policy leastOutstanding
void draft_fini(void);
// From the next snapshot on it is told what happens to queries; again is fine. Lua lock held, or no other thread runs.
void draft_observe(const struct observer *);
// Builds a snapshot from the draft, sharing what did not change; a reference for the caller. Nobody else sees it. Lua lock held.
struct snapshot *draft_build(void);
// Builds one and gives it to all workers. Lua lock held, and no transaction is open (base/undo.h).
void draft_publish(void);
void draft_withdraw(void); // nobody walks any more: what was built and delivered is given up

#endif
