// SPDX-License-Identifier: BSD-2-Clause
// hashPassword(): what a configuration can hold instead of a password.
//
// scrypt, in the form that the dialect writes, with a salt of its own each time; checking takes as long, on purpose. Any
// state.
#include "dnsproxy/base/random.h"
#include "dnsproxy/base/text.h"
#include "lua/binder/classes.h"

#include <sodium.h>

enum { SALT_SIZE = 16, HASH_SIZE = 32, BLOCK_SIZE = 8, PARALLEL = 1, DEFAULT_LOG = 10, MOST_LOG = 24 };

// The work factor is a power of two, given as such.
static unsigned
bind_password_log_of(int64_t factor)
{
  unsigned log = 0;
  while (log < 63 && (INT64_C(1) << (log + 1)) <= factor)
    log++;
  return log;
}

static int
bind_password_hash_password(struct call *c)
{
  const struct bytes *password = &c->args[0].string;
  uint8_t salt[SALT_SIZE], hash[HASH_SIZE];
  char salt_text[BASE64_TEXT_SIZE(SALT_SIZE)], hash_text[BASE64_TEXT_SIZE(HASH_SIZE)];
  unsigned log = c->args[1].given ? bind_password_log_of(c->args[1].integer) : DEFAULT_LOG;
  if (c->args[1].given && (log < 1 || log > MOST_LOG || INT64_C(1) << log != c->args[1].integer))
    return call_fault(c, FAULT_CAUGHT, "The work factor of a password is a power of two from 2 to %d", 1 << MOST_LOG);
  random_bytes(salt, sizeof salt);
  if (crypto_pwhash_scryptsalsa208sha256_ll((const uint8_t *)password->data, password->size, salt, sizeof salt,
                                            UINT64_C(1) << log, BLOCK_SIZE, PARALLEL, hash, sizeof hash) != 0)
    return call_fault(c, FAULT_CAUGHT, "There is not enough memory to hash a password with this work factor");
  base64_encode(salt_text, sizeof salt_text, salt, sizeof salt);
  base64_encode(hash_text, sizeof hash_text, hash, sizeof hash);
  lua_pushfstring(c->lua, "$scrypt$ln=%d,p=%d,r=%d$%s$%s", (int)log, PARALLEL, BLOCK_SIZE, salt_text, hash_text);
  return 1;
}

const struct lua_function functions_password[] = {
    {.name = "hashPassword",
     .help = "A password in a form that does not tell it",
     .params = PARAMS({.name = "password", .type = PARAM_STRING},
                      {.name = "workFactor", .type = PARAM_INT, .own = true, .optional = true, .fallback = "1024",
                       .help = "a power of two"}),
     .returns = "string",
     .flags = FUNCTION_NO_EFFECT,
     .call = bind_password_hash_password},
    {.name = NULL}};
