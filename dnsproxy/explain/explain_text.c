// SPDX-License-Identifier: BSD-2-Clause
// An explanation as lines of text, for the console and --explain.
//
//   www.example.com. A from 192.0.2.1:4000 to 127.0.0.1:53 over UDP
//   admit                the ACL allows the client
//   query_rules          ...
//   End: the query goes to ...
//
// Reads the JSON of explain() alone and knows no query: what people see is what programs get, so that one cannot say more
// than the other. A room is a line with what matters most about it, below it, indented, troubles, changes and details such
// as the backends that its policy chose from. Members that are missing are left out.
#include "dnsproxy/explain/explain.h"

#include "dnsproxy/base/text.h"

#include <string.h>

static const char *
explain_text_word(const json_t *o, const char *key)
{
  const char *s = json_string_value(json_object_get(o, key));
  return s == NULL ? "" : s;
}

static bool
explain_text_has(const json_t *o, const char *key)
{
  return json_object_get(o, key) != NULL;
}

static void
explain_text_changes_text(const json_t *o, const char *indent, struct text *out)
{
  const char *key;
  json_t *pair;
  json_object_foreach(json_object_get(o, "changes"), key, pair) {
    const char *before = json_string_value(json_array_get(pair, 0)), *now = json_string_value(json_array_get(pair, 1));
    text_printf(out, "%s%s: %s -> %s\n", indent, key, before[0] == '\0' ? "none" : before, now[0] == '\0' ? "none" : now);
  }
}

static void
explain_text_troubles_text(const json_t *o, const char *indent, struct text *out)
{
  if (explain_text_has(o, "untold"))
    text_printf(out, "%scannot be told: %s\n", indent, explain_text_word(o, "untold"));
  if (explain_text_has(o, "error"))
    text_printf(out, "%serror: %s\n", indent, explain_text_word(o, "error"));
}

static void
explain_text_rule_text(const json_t *rule, struct text *out)
{
  static const char indent[] = "        ";
  const char *name = explain_text_word(rule, "name");
  text_printf(out, "    #%-3lld %s%s%s -> %s\n", (long long)json_integer_value(json_object_get(rule, "position")), name,
              name[0] == '\0' ? "" : ": ", explain_text_word(rule, "selector"), explain_text_word(rule, "action"));
  text_printf(out, "%sUUID %s\n", indent, explain_text_word(rule, "uuid"));
  if (explain_text_has(rule, "sees"))
    text_printf(out, "%ssees: %s\n", indent, explain_text_word(rule, "sees"));
  explain_text_troubles_text(rule, indent, out);
  if (json_is_false(json_object_get(rule, "matches")))
    text_printf(out, "%sdoes not match\n", indent);
  if (explain_text_has(rule, "does"))
    text_printf(out, "%s%s\n", indent, explain_text_word(rule, "does"));
  explain_text_changes_text(rule, indent, out);
  if (explain_text_has(rule, "verdict"))
    text_printf(out, "%s%s\n", indent, explain_text_word(rule, "verdict"));
}

static void
explain_text_rules_text(const json_t *room, struct text *out)
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
    explain_text_rule_text(rule, out);
}

static void
explain_text_blocks_text(const json_t *room, struct text *out)
{
  size_t i;
  const json_t *b;
  const json_t *list = json_object_get(room, "blocks");
  text_puts(out, json_array_size(list) == 0 ? "no block\n" : "\n");
  json_array_foreach(list, i, b)
    text_printf(out, "    %s: %s, %s%lld s left (%s)\n", explain_text_word(b, "of"), explain_text_word(b, "action"),
                json_is_true(json_object_get(b, "warning")) ? "a warning only, " : "",
                (long long)json_integer_value(json_object_get(b, "seconds_left")), explain_text_word(b, "reason"));
}

static void
explain_text_server_text(const json_t *s, struct text *out)
{
  text_printf(out, "    %c %s %s, order %lld, weight %lld, %lld in flight, %.1f ms%s\n",
              json_is_true(json_object_get(s, "chosen")) ? '*' : ' ', explain_text_word(s, "server"),
              json_is_true(json_object_get(s, "up")) ? "up" : "down",
              (long long)json_integer_value(json_object_get(s, "order")),
              (long long)json_integer_value(json_object_get(s, "weight")),
              (long long)json_integer_value(json_object_get(s, "outstanding")),
              json_number_value(json_object_get(s, "latency_ms")),
              json_is_true(json_object_get(s, "below_qps_limit")) ? "" : ", at its QPS limit");
}

static void
explain_text_choice_text(const json_t *room, struct text *out)
{
  size_t i;
  const json_t *s;
  text_printf(out, "    %s: %s\n", explain_text_word(room, "policy"), explain_text_word(room, "policy_rule"));
  json_array_foreach(json_object_get(room, "servers"), i, s)
    explain_text_server_text(s, out);
}

static void
explain_text_room_text(const json_t *room, struct text *out)
{
  text_printf(out, "%-20s ", explain_text_word(room, "room"));
  if (explain_text_has(room, "allowed"))
    text_puts(out, json_is_true(json_object_get(room, "allowed")) ? "the ACL allows the client\n" : "the ACL refuses the client\n");
  else if (explain_text_has(room, "rules"))
    explain_text_rules_text(room, out);
  else if (explain_text_has(room, "blocks"))
    explain_text_blocks_text(room, out);
  else if (explain_text_has(room, "pool"))
    text_printf(out, "pool '%s', cache: %s\n", explain_text_word(room, "pool"),
                explain_text_has(room, "cache") ? explain_text_word(room, "cache") : "there is no such pool");
  else if (explain_text_has(room, "key"))
    text_printf(out, "%s, key %s\n", explain_text_word(room, "result"), explain_text_word(room, "key"));
  else if (explain_text_has(room, "server"))
    text_printf(out, "%s\n", explain_text_word(room, "server"));
  else
    text_printf(out, "%s\n", explain_text_word(room, "help"));
  explain_text_troubles_text(room, "    ", out);
  explain_text_changes_text(room, "    ", out);
  if (explain_text_has(room, "policy"))
    explain_text_choice_text(room, out);
}

static void
explain_text_end_text(const json_t *end, struct text *out)
{
  const char *what = explain_text_word(end, "what");
  if (strcmp(what, "forwarded") == 0)
    text_printf(out, "End: the query goes to %s over %s.\n", explain_text_word(end, "server"),
                explain_text_word(end, "over"));
  else if (strcmp(what, "answered") == 0)
    text_printf(out, "End: answered by %s.\n", explain_text_word(end, "by"));
  else if (strcmp(what, "dropped") == 0)
    text_printf(out, "End: dropped (%s). %s\n", explain_text_word(end, "why"), explain_text_word(end, "sentence"));
  else
    text_puts(out, "End: none; rules ask for another try again and again.\n");
}

static void
explain_text_answer_text(const json_t *answer, struct text *out)
{
  size_t i;
  const json_t *r;
  if (answer == NULL)
    return;
  text_printf(out, "Answer: %s, %lld bytes\n", explain_text_word(answer, "rcode"),
              (long long)json_integer_value(json_object_get(answer, "size")));
  json_array_foreach(json_object_get(answer, "records"), i, r)
    text_printf(out, "    %s (%s)\n", explain_text_word(r, "text"), explain_text_word(r, "section"));
}

void
explain_text(const json_t *all, struct text *out)
{
  size_t i;
  const json_t *room;
  const json_t *query = json_object_get(all, "query");
  text_printf(out, "%s %s from %s to %s over %s\n", explain_text_word(query, "name"), explain_text_word(query, "type"),
              explain_text_word(query, "client"), explain_text_word(query, "local"), explain_text_word(query, "protocol"));
  json_array_foreach(json_object_get(all, "rooms"), i, room)
    explain_text_room_text(room, out);
  explain_text_end_text(json_object_get(all, "end"), out);
  explain_text_answer_text(json_object_get(all, "answer"), out);
  if (json_is_true(json_object_get(all, "untold")))
    text_puts(out, "Some of it could not be told, and was taken for 'does not match': the real walk may differ from there.\n");
}
