// What build/libzmq-patches/wide_box.hpp does, for a test to call.

#include "wide_box.hpp"

extern "C" {
int can ()
{
    return zmq::has_wide_box ();
}

//  Of a text that comes in two parts.
void authenticate (uint8_t *mac, const uint8_t *text, size_t len, size_t first_len, const uint8_t *key)
{
    zmq::poly1305_wide_t authenticator;
    authenticator.init (key);
    authenticator.update (text, first_len);
    authenticator.update (text + first_len, len - first_len);
    authenticator.finish (mac);
}

void cipher (uint8_t *to, const uint8_t *from, size_t len, const uint8_t *nonce, uint64_t block, const uint8_t *key)
{
    zmq::salsa20_wide (to, from, len, nonce, block, key);
}
}
