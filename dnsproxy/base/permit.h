// SPDX-License-Identifier: BSD-2-Clause
// Where a worker may do what it must not do on the path of a packet: take memory from malloc, or wait. Each place says so, by name.
//
//   PERMIT("a step of a slab"); // until the end of this block
//   ... posix_memalign() ...
//
// Nothing depends on it but tests/watch/worker_watch.c, which a test puts in front of the C library: it counts every malloc, lock
// that is held and call that may wait on a worker's thread, and asks permit_current() whether that is an exception. What has no
// name here fails the test (regression-tests/test_watch.py). `grep -rn PERMIT` lists the exceptions; doc/HOUSE.md explains
// them. Not for what every packet does: an exception is for what happens once per connection, per step of growth, per edit.
//
// Permits nest; the innermost name counts. Any thread; costs a store.
#ifndef DNSPROXY_BASE_PERMIT_H
#define DNSPROXY_BASE_PERMIT_H

struct permit {
  const char *name; // a literal; NULL: none
};

struct permit permit_begin(const char *name); // returns the one that was there
void permit_end(const struct permit *before);
#define PERMIT(name) __attribute__((cleanup(permit_end), unused)) const struct permit permit_before = permit_begin(name)
const char *permit_current(void);

#endif
