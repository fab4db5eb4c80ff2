// SPDX-License-Identifier: BSD-2-Clause
// Regular expressions over names: PCRE2 with JIT, and limits so that no expression and no name can stall a worker.
//
//   RegexRule("...")       PATTERN_SEARCH: POSIX extended, any casing, anywhere in the name
//   services' handlers     PATTERN_PERL
//
// An expression is compiled once, where it is written, and an error is told there. What it matches is the text of the name:
// without final dot, "." for the root. Expressions are the configuration's, names are strangers': one that goes back and
// forth over a name for ever ends at a limit of steps, and then does not match.
//
// Owner: the selector. Made by control, matched by any worker: the compiled form is immutable, what a match needs is each
// thread's own.
#ifndef RULES_SELECT_PATTERN_H
#define RULES_SELECT_PATTERN_H

#include "dnsproxy/base/fault.h"
#include "dnsproxy/wire/name.h"

enum pattern_style {
  PATTERN_SEARCH, // POSIX extended, any casing, anywhere in the text
  PATTERN_FULL,   // Perl-like, exact casing, the whole text
  PATTERN_PERL,   // the same, anywhere in the text
};

struct pattern;
// NULL: fault says why (the library's words).
struct pattern *pattern_new(const char *expression, size_t size, enum pattern_style, struct fault *);
void pattern_free(struct pattern **);
bool pattern_match(const struct pattern *, const char *text, size_t size);
bool pattern_match_name(const struct pattern *, const struct name *); // as text without the final dot

#endif
