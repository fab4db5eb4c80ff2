// SPDX-License-Identifier: BSD-2-Clause
// One sentence for a human about what is wrong with a configuration or a command.
//
//   bool backend_parse(..., struct fault *f)          struct fault fault = FAULT_INIT;
//   {                                                 if (!backend_parse(..., &fault))
//     if (bad)                                          log_error("setup", "%s", fault.text);
//       return fault_set(f, FAULT_CAUGHT, "...");
//   }
//
// A function that can fail returns false and has filled in the sentence: what was given and what is wrong with it, in the
// words of the dialect where scripts parse them. Nothing on the way adds to it but who knows better; in the end it is shown
// once: in the log, on the console, or as an error of Lua, whose form the kind decides.
//
// Owner: the caller, usually on its stack. Any thread. Never used for packets: those have rooms and drops.
#ifndef DNSPROXY_BASE_FAULT_H
#define DNSPROXY_BASE_FAULT_H

#include <stdbool.h>

// How the dialect delivers the sentence to a script (reference: errors.md section 1).
enum fault_kind {
  FAULT_NONE,
  FAULT_PLAIN,   // the text alone: argument counts and types
  FAULT_CAUGHT,  // "Caught exception: <text>"
  FAULT_ADDRESS, // bad address or netmask: an error object whose tostring() is the text
};

struct fault {
  enum fault_kind kind;
  char text[500];
};

#define FAULT_INIT {.kind = FAULT_NONE}

// Writes the sentence (printf style) and returns false, so that `return fault_set(f, ...)` reads well.
// Arguments may point into the fault's own text. NULL: nobody wants to know.
bool fault_set(struct fault *, enum fault_kind, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
