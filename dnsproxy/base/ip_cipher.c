// SPDX-License-Identifier: BSD-2-Clause
// ipcipher: https://powerdns.org/ipcipher, ipcrypt by J.-P. Aumasson.
#include "dnsproxy/base/ip_cipher.h"

#include <openssl/evp.h>
#include <string.h>

enum { ROUNDS = 3, WORD = 4 };

bool
ip_cipher_key(uint8_t key[IP_CIPHER_KEY_SIZE], const char *password, size_t size, struct fault *f)
{
  enum { ITERATIONS = 50000 };
  static const char salt[] = "ipcipheripcipher";
  if (PKCS5_PBKDF2_HMAC_SHA1(password, (int)size, (const unsigned char *)salt, sizeof salt - 1, ITERATIONS,
                             IP_CIPHER_KEY_SIZE, key) == 1)
    return true;
  return fault_set(f, FAULT_CAUGHT, "Unable to derive a key from the password");
}

static uint8_t
ip_cipher_turn(uint8_t byte, unsigned left)
{
  return (uint8_t)(byte << left | byte >> (8 - left));
}

static void
ip_cipher_permute(uint8_t b[WORD])
{
  b[0] = (uint8_t)(b[0] + b[1]);
  b[2] = (uint8_t)(b[2] + b[3]);
  b[1] = ip_cipher_turn(b[1], 2) ^ b[0];
  b[3] = ip_cipher_turn(b[3], 5) ^ b[2];
  b[0] = (uint8_t)(ip_cipher_turn(b[0], 4) + b[3]);
  b[2] = (uint8_t)(b[2] + b[1]);
  b[1] = ip_cipher_turn(b[1], 3) ^ b[2];
  b[3] = ip_cipher_turn(b[3], 7) ^ b[0];
  b[2] = ip_cipher_turn(b[2], 4);
}

static void
ip_cipher_permute_back(uint8_t b[WORD])
{
  b[2] = ip_cipher_turn(b[2], 4);
  b[3] = ip_cipher_turn(b[3] ^ b[0], 1);
  b[1] = ip_cipher_turn(b[1] ^ b[2], 5);
  b[2] = (uint8_t)(b[2] - b[1]);
  b[0] = ip_cipher_turn((uint8_t)(b[0] - b[3]), 4);
  b[3] = ip_cipher_turn(b[3] ^ b[2], 3);
  b[1] = ip_cipher_turn(b[1] ^ b[0], 6);
  b[2] = (uint8_t)(b[2] - b[3]);
  b[0] = (uint8_t)(b[0] - b[1]);
}

static void
ip_cipher_mix_key(uint8_t b[WORD], const uint8_t *key, unsigned round)
{
  for (unsigned i = 0; i < WORD; i++)
    b[i] ^= key[round * WORD + i];
}

static void
ip_cipher_v4(uint8_t b[WORD], const uint8_t *key, bool encrypt)
{
  for (unsigned i = 0; i < ROUNDS; i++) {
    ip_cipher_mix_key(b, key, encrypt ? i : ROUNDS - i);
    if (encrypt)
      ip_cipher_permute(b);
    else
      ip_cipher_permute_back(b);
  }
  ip_cipher_mix_key(b, key, encrypt ? ROUNDS : 0);
}

static bool
ip_cipher_v6(uint8_t *block, const uint8_t *key, bool encrypt)
{
  enum { BLOCK = 16 };
  uint8_t out[BLOCK];
  int size = 0;
  EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
  bool good = context != NULL && EVP_CipherInit_ex(context, EVP_aes_128_ecb(), NULL, key, NULL, encrypt) == 1 &&
              EVP_CIPHER_CTX_set_padding(context, 0) == 1 &&
              EVP_CipherUpdate(context, out, &size, block, BLOCK) == 1 && size == BLOCK;
  EVP_CIPHER_CTX_free(context);
  if (good)
    memcpy(block, out, BLOCK);
  return good;
}

static bool
ip_cipher_cipher(struct address *out, const struct address *a, const void *key, size_t key_size, bool encrypt,
                 struct fault *f)
{
  if (key_size != IP_CIPHER_KEY_SIZE)
    return fault_set(f, FAULT_CAUGHT, "A key of ipcipher has %d bytes, this one has %zu", IP_CIPHER_KEY_SIZE, key_size);
  if (!address_is_set(a))
    return fault_set(f, FAULT_CAUGHT, "An unset address has no cipher");
  struct address result = *a;
  if (!address_is_v6(a))
    ip_cipher_v4((uint8_t *)&result.v4.sin_addr, key, encrypt);
  else if (!ip_cipher_v6(result.v6.sin6_addr.s6_addr, key, encrypt))
    return fault_set(f, FAULT_CAUGHT, "The AES cipher failed");
  *out = result;
  return true;
}

bool
ip_cipher_encrypt(struct address *out, const struct address *a, const void *key, size_t key_size, struct fault *f)
{
  return ip_cipher_cipher(out, a, key, key_size, true, f);
}

bool
ip_cipher_decrypt(struct address *out, const struct address *a, const void *key, size_t key_size, struct fault *f)
{
  return ip_cipher_cipher(out, a, key, key_size, false, f);
}
