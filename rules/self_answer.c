// SPDX-License-Identifier: BSD-2-Clause
// What actions that answer by themselves share.
#include "rules/self_answer.h"

const struct param answer_flag_options[] = {ANSWER_FLAG_ROWS, {.type = PARAM_END}};
const struct param answer_ttl_options[] = {ANSWER_FLAG_ROWS, ANSWER_TTL_ROW, {.type = PARAM_END}};

static signed char
flag_of(const struct value *v)
{
  return v->given ? v->boolean : -1;
}

struct answer_options
answer_options_read(const struct value *v, bool with_ttl)
{
  struct answer_options o = {.flags = ANSWER_FLAGS_DEFAULT, .ttl = ANSWER_TTL};
  if (!v->given)
    return o;
  o.flags = (struct answer_flags){flag_of(&v->options[0]), flag_of(&v->options[1]), flag_of(&v->options[2])};
  if (with_ttl && v->options[3].given)
    o.ttl = (uint32_t)v->options[3].integer;
  return o;
}

struct answer_form
answer_form_of(const struct query *q, const struct answer_options *o)
{
  return query_answer_form(q, &o->flags, o->ttl);
}

enum verdict
answer_made(struct query *q, bool fits)
{
  if (!fits) {
    q->drop = DROP_ANSWER_TOO_LARGE;
    return VERDICT_DROP;
  }
  q->self_answered = true;
  return VERDICT_STOP;
}
