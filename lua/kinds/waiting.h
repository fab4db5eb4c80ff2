// SPDX-License-Identifier: BSD-2-Clause
// Functions and types of parts of the program that do not exist yet: declared and checked like all others, so that
// configurations load; what they are asked for does not happen, which is said once for each place that asks.
//
//   addTLSLocal(...) --> checked by its rows --> an object that describes itself --> one warning: function, place, part
//
// Listeners of such parts are counted and shown, and never opened; --check-config says the same as a
// start does. Objects are given to functions that ask for them, so that the rest of the configuration is checked as well.
//
// When a part comes, its rows get functions of their own and move to a file of theirs. Lua lock held.
#ifndef LUA_KINDS_WAITING_H
#define LUA_KINDS_WAITING_H

#include "lua/binder/binder.h"
#include "rules/select/waiting.h"

// What a row's `data` points to.
struct waiting {
  const char *part; // "DNS over TLS"
  enum waiting_answer {
    ANSWER_NOTHING,
    ANSWER_ZERO,
    ANSWER_EMPTY_TEXT,
    ANSWER_OBJECT, // of `object`: its methods do nothing
  } answer;
  const struct object_class *object;
  const char *table;            // what is printed when there is nothing to show: clients cut tables by column
  bool (*check)(struct call *); // what the rows cannot say; NULL: nothing. False: the fault is set
};

#define WAITING(...) &(const struct waiting){__VA_ARGS__}

int waiting_call(struct call *);
// The sentence: "<name> (<place>) <what>: this version of dnsproxy has no <part>". Not while a file is only checked.
void waiting_tell(struct call *, const char *what, const char *part);
// An option that is accepted, and why it has no effect: said once for each function and key. Not while a file is only
// checked. An option that was not given: nothing.
void waiting_tell_option(const struct call *, const char *key, const struct value *, const char *why);
// A method that does nothing, of types that wait.
int waiting_method(struct call *);

// Methods of a waiting type, by name; their arguments are not looked at.
#define WAITING_METHOD(word) {.name = word, .help = "Does nothing yet", .flags = FUNCTION_VARIADIC, .call = waiting_method}
#define WAITING_OBJECT(symbol, word)                                                                                    \
  static const struct object_class symbol##_object = {.name = word, .free = described_free}
#define WAITING_CLASS(symbol, word, words, ...)                                                                        \
  const struct lua_class symbol = {.name = word, .help = words, .object = &symbol##_object,                            \
                                   .methods = (const struct lua_function[]){__VA_ARGS__ {.name = NULL}}}

#endif
