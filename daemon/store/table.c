#include "store/table.h"

#include <sodium.h>
#include <stdbool.h>

unsigned table_hash(const void *key, size_t n)
{
	static unsigned char secret[crypto_shorthash_KEYBYTES];
	static bool made;
	unsigned char hash[crypto_shorthash_BYTES];
	unsigned ret;

	if (!made) {
		crypto_shorthash_keygen(secret);
		made = true;
	}
	crypto_shorthash(hash, key, n, secret);
	memcpy(&ret, hash, sizeof(ret));
	return ret;
}
