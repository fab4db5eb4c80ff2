// SPDX-License-Identifier: BSD-2-Clause
// Rules from text, for test tables: "AndRule(QTypeRule(A),NotRule(RDRule()))", "SpoofAction(192.0.2.1|{ttl=5,aa=true})".
//
// Arguments are separated by '|', items of a list by ',', both outside parentheses and braces; an argument left empty
// is not given. %hh in a string is a byte. What is made belongs to the caller.
#ifndef TESTS_RULE_SPEC_H
#define TESTS_RULE_SPEC_H

#include "rules/act/action.h"

// NULL: fault says why. An unknown kind or a wrong number of arguments is a mistake in the test.
struct selector *spec_selector(const char *spec, struct fault *);
struct action *spec_action(const char *spec, struct fault *);

#endif
