// SPDX-License-Identifier: BSD-2-Clause
// Transactions of edits: what the configuration was like, remembered while somebody changes it, so that a change is made
// whole or not at all.
//
// Whoever runs a piece of a script that may edit (a console command, maintenance(), a file) frames it with undo_begin()
// and undo_keep() or undo_back(). In between, every function that edits what belongs to the configuration first leaves a
// record of how to put it back: undo_bytes() for plain members, undo_object() for a counted reference, undo_record() for
// anything else. The records are a stack. undo_back() runs them newest first, so each finds exactly the state that it
// was made in; undo_keep() lets the outermost transaction forget them. A transaction inside another (an included file, a
// callback that a command runs) can be taken back alone; kept, it becomes part of the outer one.
//
// Outside a transaction nothing is recorded and editing costs what it did. What cannot be taken back, because the world
// has seen it, is an action and no edit: a cache expunged, a message sent, a connection closed.
//
// There is a stack of records for each thing that is edited (each configuration); a thread says which one it edits with
// undo_use(). Without one nothing is recorded and transactions are none.
//
// Owner and thread: whoever holds the lock of what is edited; transactions begin and end under one hold of it.
#ifndef DNSPROXY_BASE_UNDO_H
#define DNSPROXY_BASE_UNDO_H

#include <stdbool.h>
#include <stddef.h>

struct undo;

enum { UNDO_DEPTH_MAX = 64 }; // deeper transactions are part of that at this depth

struct undo_stack { // zeroed: empty. Private
  struct undo *newest;
  struct undo *marks[UNDO_DEPTH_MAX]; // the newest record when each transaction began
  unsigned depth;
  bool going_back;
};

// From now on the calling thread's edits are recorded there; NULL: nowhere. Returns what was used before.
struct undo_stack *undo_use(struct undo_stack *);

void undo_begin(void);
void undo_keep(void); // of the transaction begun last
void undo_back(void);
bool undo_open(void); // is one under way, and is it not just being taken back? Then edits are to be recorded

// The bytes at `at` are as they are now again. Their memory must live as long as the outermost transaction.
void undo_bytes(void *at, size_t size);
// The counted object that `slot` (a struct ... **, may hold NULL) refers to now is there again; it is kept alive meanwhile.
void undo_object(void *slot);
// Room for `size` bytes of the caller's, zeroed, or NULL when nothing is recorded. Later, once, either back() is called
// for it, and then gone(), or gone() alone. back: no records are made meanwhile; gone may be NULL.
void *undo_record(size_t size, void (*back)(void *), void (*gone)(void *));

#endif
