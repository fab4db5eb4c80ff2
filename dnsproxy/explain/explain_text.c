// SPDX-License-Identifier: BSD-2-Clause
// An explanation as lines of text.
#include "dnsproxy/explain/explain.h"

#include "dnsproxy/base/text.h"

#include <string.h>

static const char *
word(const json_t *o, const char *key)
{
  const char *s = json_string_value(json_object_get(o, key));
  return s == NULL ? "" : s;
}

static bool
has(const json_t *o, const char *key)
{
  return json_object_get(o, key) != NULL;
}

static void
changes_text(const json_t *o, const char *indent, struct text *out)
{
  const char *key;
  json_t *pair;
  json_object_foreach(json_object_get(o, "changes"), key, pair) {
    const char *before = json_string_value(json_array_get(pair, 0)), *now = json_string_value(json_array_get(pair, 1));
    text_printf(out, "%s%s: %s -> %s\n", indent, key, before[0] == '\0' ? "none" : before, now[0] == '\0' ? "none" : now);
  }
}

static void
troubles_text(const json_t *o, const char *indent, struct text *out)
{
  if (has(o, "untold"))
    text_printf(out, "%scannot be told: %s\n", indent, word(o, "untold"));
  if (has(o, "error"))
    text_printf(out, "%serror: %s\n", indent, word(o, "error"));
}

static void
rule_text(const json_t *rule, struct text *out)
{
  static const char indent[] = "        ";
  const char *name = word(rule, "name");
  text_printf(out, "    #%-3lld %s%s%s -> %s\n", (long long)json_integer_value(json_object_get(rule, "position")), name,
              name[0] == '\0' ? "" : ": ", word(rule, "selector"), word(rule, "action"));
  text_printf(out, "%sUUID %s\n", indent, word(rule, "uuid"));
  if (has(rule, "sees"))
    text_printf(out, "%ssees: %s\n", indent, word(rule, "sees"));
  troubles_text(rule, indent, out);
  if (json_is_false(json_object_get(rule, "matches")))
    text_printf(out, "%sdoes not match\n", indent);
  if (has(rule, "does"))
    text_printf(out, "%s%s\n", indent, word(rule, "does"));
  changes_text(rule, indent, out);
  if (has(rule, "verdict"))
    text_printf(out, "%s%s\n", indent, word(rule, "verdict"));
}

static void
rules_text(const json_t *room, struct text *out)
{
  size_t i;
  const json_t *rule;
  json_int_t of = json_integer_value(json_object_get(room, "of"));
  if (of == 0)
    text_puts(out, "no rules");
  else
    text_printf(out, "%zu of %lld rules", json_array_size(json_object_get(room, "rules")), (long long)of);
  text_puts(out, "\n");
  json_array_foreach(json_object_get(room, "rules"), i, rule)
    rule_text(rule, out);
}

static void
blocks_text(const json_t *room, struct text *out)
{
  size_t i;
  const json_t *b;
  const json_t *list = json_object_get(room, "blocks");
  text_puts(out, json_array_size(list) == 0 ? "no block\n" : "\n");
  json_array_foreach(list, i, b)
    text_printf(out, "    %s: %s, %s%lld s left (%s)\n", word(b, "of"), word(b, "action"),
                json_is_true(json_object_get(b, "warning")) ? "a warning only, " : "",
                (long long)json_integer_value(json_object_get(b, "seconds_left")), word(b, "reason"));
}

static void
server_text(const json_t *s, struct text *out)
{
  text_printf(out, "    %c %s %s, order %lld, weight %lld, %lld in flight, %.1f ms%s\n",
              json_is_true(json_object_get(s, "chosen")) ? '*' : ' ', word(s, "server"),
              json_is_true(json_object_get(s, "up")) ? "up" : "down",
              (long long)json_integer_value(json_object_get(s, "order")),
              (long long)json_integer_value(json_object_get(s, "weight")),
              (long long)json_integer_value(json_object_get(s, "outstanding")),
              json_number_value(json_object_get(s, "latency_ms")),
              json_is_true(json_object_get(s, "below_qps_limit")) ? "" : ", at its QPS limit");
}

static void
choice_text(const json_t *room, struct text *out)
{
  size_t i;
  const json_t *s;
  text_printf(out, "    %s: %s\n", word(room, "policy"), word(room, "policy_rule"));
  json_array_foreach(json_object_get(room, "servers"), i, s)
    server_text(s, out);
}

static void
room_text(const json_t *room, struct text *out)
{
  text_printf(out, "%-20s ", word(room, "room"));
  if (has(room, "allowed"))
    text_puts(out, json_is_true(json_object_get(room, "allowed")) ? "the ACL allows the client\n" : "the ACL refuses the client\n");
  else if (has(room, "rules"))
    rules_text(room, out);
  else if (has(room, "blocks"))
    blocks_text(room, out);
  else if (has(room, "pool"))
    text_printf(out, "pool '%s', cache: %s\n", word(room, "pool"), has(room, "cache") ? word(room, "cache") : "there is no such pool");
  else if (has(room, "key"))
    text_printf(out, "%s, key %s\n", word(room, "result"), word(room, "key"));
  else if (has(room, "server"))
    text_printf(out, "%s\n", word(room, "server"));
  else
    text_printf(out, "%s\n", word(room, "help"));
  troubles_text(room, "    ", out);
  changes_text(room, "    ", out);
  if (has(room, "policy"))
    choice_text(room, out);
}

static void
end_text(const json_t *end, struct text *out)
{
  const char *what = word(end, "what");
  if (strcmp(what, "forwarded") == 0)
    text_printf(out, "End: the query goes to %s over %s.\n", word(end, "server"), word(end, "over"));
  else if (strcmp(what, "answered") == 0)
    text_printf(out, "End: answered by %s.\n", word(end, "by"));
  else if (strcmp(what, "dropped") == 0)
    text_printf(out, "End: dropped (%s). %s\n", word(end, "why"), word(end, "sentence"));
  else
    text_puts(out, "End: none; rules ask for another try again and again.\n");
}

static void
answer_text(const json_t *answer, struct text *out)
{
  size_t i;
  const json_t *r;
  if (answer == NULL)
    return;
  text_printf(out, "Answer: %s, %lld bytes\n", word(answer, "rcode"),
              (long long)json_integer_value(json_object_get(answer, "size")));
  json_array_foreach(json_object_get(answer, "records"), i, r)
    text_printf(out, "    %s (%s)\n", word(r, "text"), word(r, "section"));
}

void
explain_text(const json_t *all, struct text *out)
{
  size_t i;
  const json_t *room;
  const json_t *query = json_object_get(all, "query");
  text_printf(out, "%s %s from %s to %s over %s\n", word(query, "name"), word(query, "type"), word(query, "client"),
              word(query, "local"), word(query, "protocol"));
  json_array_foreach(json_object_get(all, "rooms"), i, room)
    room_text(room, out);
  end_text(json_object_get(all, "end"), out);
  answer_text(json_object_get(all, "answer"), out);
  if (json_is_true(json_object_get(all, "untold")))
    text_puts(out, "Some of it could not be told, and was taken for 'does not match': the real walk may differ from there.\n");
}
