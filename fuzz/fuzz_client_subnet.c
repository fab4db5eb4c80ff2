// SPDX-License-Identifier: BSD-2-Clause
// A client subnet added to any bytes as a query, and taken off any bytes as an answer.
//
// Input: a byte of room to spare, a byte of prefix length, a byte of choices, then the message.
#include "dnsproxy/cache/packet_cache.h"
#include "dnsproxy/wire/client_subnet.h"
#include "dnsproxy/wire/codes.h"
#include "fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

enum { HEAD_SIZE = 3, CHOOSE_V6 = 1, CHOOSE_REPLACE = 2 };

static struct packet_cache *
cache(void)
{
  static struct packet_cache *one;
  struct packet_cache_options o = PACKET_CACHE_OPTIONS_DEFAULT;
  o.parse_ecs = true;
  if (one == NULL)
    one = packet_cache_new(16, &o);
  return one;
}

static unsigned
count_subnets(const uint8_t *message, size_t size, const struct client_subnet *expected)
{
  struct edns edns;
  uint16_t cursor, code, data, data_size;
  unsigned count = 0;
  assert(message_edns(message, size, 0, &edns));
  for (cursor = edns.options; edns_option_next(message, &edns, &cursor, &code, &data, &data_size);)
    if (code == EDNS_ECS) {
      count++;
      assert(expected == NULL || (data_size == expected->size && memcmp(message + data, expected->data, data_size) == 0));
    }
  return count;
}

// Whatever was added is found again by the cache, and goes again.
static void
check_added(struct wire_buffer *b, const struct client_subnet *subnet, enum client_subnet_result result)
{
  struct question question;
  struct edns edns;
  struct cache_key key;
  assert(count_subnets(b->data, b->size, subnet) == 1);
  assert(message_proper_size(b->data, b->size) == b->size);
  if (message_question(b->data, b->size, &question)) {
    assert(message_edns(b->data, b->size, question.end, &edns));
    packet_cache_key(cache(), b->data, b->size, &question, &edns, false, &key);
    assert(key.has_ecs && key.ecs.source_bits == subnet->data[2]);
  }
  assert(client_subnet_is_for_all(b->data, b->size));
  if (result == CLIENT_SUBNET_ADDED_OPT)
    assert(message_remove_opt(b));
  else
    assert(message_remove_option(b, EDNS_ECS));
  assert(count_subnets(b->data, b->size, subnet) == 0);
}

static void
check_add(const uint8_t *message, size_t size, const uint8_t *head)
{
  struct address client;
  struct client_subnet subnet;
  struct question question = {.end = 0};
  struct edns edns;
  address_from_raw(&client, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", head[2] & CHOOSE_V6 ? 16 : 4, 0);
  client_subnet_make(&subnet, &client, head[1]);
  assert(subnet.size >= 4 && subnet.size <= sizeof subnet.data);
  struct wire_buffer b = {.size = size, .capacity = size + head[0]};
  b.data = malloc(b.capacity + 1);
  assert(b.data != NULL);
  if (size > 0)
    memcpy(b.data, message, size);
  message_question(message, size, &question);
  if (!message_edns(message, size, question.end, &edns))
    memset(&edns, 0, sizeof edns);
  enum client_subnet_result result = client_subnet_add(&b, &edns, &subnet, head[2] & CHOOSE_REPLACE, 512);
  assert(b.size <= b.capacity);
  if (result == CLIENT_SUBNET_KEPT || result == CLIENT_SUBNET_DOES_NOT_FIT)
    assert(b.size == size && memcmp(b.data, message, size) == 0);
  else
    check_added(&b, &subnet, result);
  free(b.data);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  if (size <= HEAD_SIZE)
    return 0;
  check_add(data + HEAD_SIZE, size - HEAD_SIZE, data);
  client_subnet_is_for_all(data + HEAD_SIZE, size - HEAD_SIZE);
  return 0;
}
