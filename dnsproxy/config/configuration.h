// SPDX-License-Identifier: BSD-2-Clause
// The configuration: what an operator has asked for, as an object. Settings, access lists, rule chains, pools and backends,
// dynamic blocks, listeners, and, by way of their owners, the Lua state that the file ran in with all that scripts left
// there (`scripts`) and the scripted services.
//
//   file, console, maintenance() ----edit----> struct configuration ----configuration_build()----> struct snapshot
//                                               (one lock, one writer)                              (immutable; workers)
//
// Life: configuration_new() makes one with the defaults. Each *part* of the program that keeps something of its own in it
// (configuration_part) opens that then. The *live* one is what consoles edit and what workers are given; there can be others
// beside it, which run a file of their own in a Lua state of their own and touch nothing of the live one. It is counted:
// snapshots hold it, because their rules call functions in its Lua state, so that an old one lives until the last query that
// began under it has ended. Then configuration_reap() closes its parts and frees it.
//
// Lock: each has one, recursive, called the Lua lock everywhere, because it guards the Lua state as well. Whoever holds it
// may read and edit everything in here; config() is the one that the calling thread holds, so no function that edits needs
// to be told which. A thread that holds none gets the live one, and may look at nothing but what never changes, or what
// changes only before threads start (`phase`).
#ifndef DNSPROXY_CONFIG_CONFIGURATION_H
#define DNSPROXY_CONFIG_CONFIGURATION_H

#include "dnsproxy/base/undo.h"
#include "dnsproxy/config/snapshot.h"

#include <pthread.h>

struct listener;
struct scripts; // lua/scripts/scripts.h
struct service; // services/service.h

enum config_phase {
  PHASE_LOADING, // the configuration file runs
  PHASE_CHECK,   // ... under --check-config: no side effects on the system
  PHASE_CLIENT,  // ... in the console client: likewise
  PHASE_RUNNING, // workers are up: configuration-only functions refuse
};

enum { WAITING_LISTENERS = 5 }; // kinds: lua/kinds/waiting_listeners.c

struct configuration {
  struct object object;
  // The lock, and of whoever holds it:
  pthread_mutex_t lock;
  unsigned depth;              // holds
  struct configuration *outer; // what its thread held before
  struct undo_stack undo, *outer_undo;

  _Atomic(enum config_phase) phase;
  bool changed; // something below differs from the snapshot built last
  struct snapshot *built; // last, a reference; NULL: none yet
  bool undelivered;       // workers do not have that one
  struct settings settings;
  struct netmask_set *acl, *proxy_acl, *console_acl; // copy-on-write: netmask_set_writable() first
  struct rule_list chains[CHAIN_COUNT];
  struct pool_draft pools;         // backends/pool.h
  struct dynblock_draft dynblocks; // guard/dynblock.h
  const struct observer *observers[OBSERVERS_MAX]; // core/observer.h
  size_t observer_count;
  struct listener **listeners; // in showBinds order
  size_t listener_count;
  unsigned waiting_listeners[WAITING_LISTENERS]; // asked for, of transports that do not exist yet
  struct address console_address; // controlSocket
  bool console_set;
  void (*console_open)(const struct address *); // moves the console there while running: given by run/
  uint8_t console_key[32];
  bool console_key_set; // a valid key
  char **capabilities;  // addCapabilitiesToRetain
  size_t capability_count;
  unsigned workers;             // 0: one per CPU allowed
  char server_id[256];          // setServerID; "": the name of the host, once it is asked for
  bool instance_is_server_id;   // in the lines of the log
  struct script *query_filter;  // setQueryCountFilter; NULL: every query counts
  struct scripts *scripts;      // NULL: it has no Lua state
  struct worker *limbo;         // of queries that scripts have taken: walk/suspended.c; NULL: none was yet
  struct service **services;    // a reference each
  size_t service_count;
};

// What a part of the program above this one does with each configuration. Opened in the order of configuration_use_part(),
// closed in the opposite one. NULL: nothing is to be done.
struct configuration_part {
  void (*open)(struct configuration *);
  void (*leave)(struct configuration *); // the outermost hold of the lock is about to end
  void (*close)(struct configuration *); // nobody else knows it any more
};
void configuration_use_part(const struct configuration_part *); // again is fine. Before the first configuration

// Defaults: settings, ACLs of cli.md section 3, pool "", policy leastOutstanding. A reference for the caller.
struct configuration *configuration_new(enum config_phase);
// It is no longer edited: what it was built from is given up, and it goes with its last snapshot. Takes over the caller's
// reference. The lock is free.
void configuration_retire(struct configuration **);
// Closes those that nobody knows any more. No lock is held, and no worker calls this: Lua states take their time.
void configuration_reap(void);

// From now on this is the live one; takes over the reference. NULL: there is none. Returns the one before, the caller's.
struct configuration *configuration_go_live(struct configuration *);
bool configuration_is_live(const struct configuration *);
struct configuration *config(void); // the one that the calling thread holds, else the live one; borrowed

// A thread that holds one may take another, and gives that up before it takes the first again.
void configuration_lock(struct configuration *);
void configuration_lock_live(void);
void configuration_lock_current(void); // that which it holds already, else the live one
void configuration_unlock(void); // the one that the thread holds

// ---- of the one held ----

// From the next snapshot on it is told what happens to queries; again is fine. Or no other thread runs.
void configuration_observe(const struct observer *);
// Builds a snapshot, sharing what did not change; a reference for the caller. Nobody else sees it.
struct snapshot *configuration_build(void);
bool configuration_changed(void); // what workers have is not what would be built
// Builds one and gives it to all workers; no transaction is open (base/undo.h). It is the live one.
void configuration_publish(void);
void configuration_withdraw(void); // nobody walks any more: what was built and delivered is given up

#endif
