// SPDX-License-Identifier: BSD-2-Clause
// Threads that scripts ask for: newThread(), getAddressInfo(), network listeners. They run no queries; whatever they do in
// the shared state they do under the Lua lock.
//
// Those that a configuration file asks for begin when the process serves, those of a check never. At the end each is told,
// and given a moment; one that is stuck outside of our reach is left behind. Any thread.
#ifndef LUA_SCRIPTS_HELPERS_H
#define LUA_SCRIPTS_HELPERS_H

#include <stdbool.h>
#include <stdint.h>

enum { HELPERS_MAX = 128, HELPER_PATIENCE_MS = 1000 };

// run() ends soon after helpers_stopping() becomes true or wake(), which may be NULL, was called, on another thread. free_arg()
// frees `arg`, after run() and wake() or if the thread is never started. False: too many already (free_arg is called).
struct helper_work {
  const char *name; // of the thread, 15 characters
  void (*run)(void *arg);
  void (*wake)(void *arg);
  void (*free_arg)(void *arg);
  void *arg;
};
bool helper_start(const struct helper_work *);

bool helpers_stopping(void);
void helper_sleep(uint64_t ms); // until then, or the end
void helpers_open(void);  // from now on threads start at once
void helpers_close(void); // Lua lock not held

#endif
