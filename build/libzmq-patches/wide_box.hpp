// The cipher and the authenticator of CURVE's boxes, Salsa20 and Poly1305, for processors with AVX-512 and its 52-bit multiplication
// (IFMA: Intel servers since Ice Lake, AMD since Zen 4): 16 blocks of the cipher, and 16 of the authenticator, at once. libsodium's
// widest are 8 and 2. The bytes are libsodium's (test/transport/wide-box.test.ts compares them); other processors keep its code.
//
// Sources: D. J. Bernstein, "Salsa20 specification" and "The Poly1305-AES message-authentication code"; for the radix of 2^44
// A. Moon's poly1305-donna, for IFMA the instructions VPMADD52LUQ and VPMADD52HUQ in Intel's manual.
//
// Nothing here branches on, or indexes by, what is secret.

#ifndef __ZMQ_WIDE_BOX_HPP_INCLUDED__
#define __ZMQ_WIDE_BOX_HPP_INCLUDED__

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

namespace zmq
{
//  What salsa20_wide takes at once, and poly1305_wide_t at least to be fast.
static const size_t salsa20_wide_len = 1024;
static const size_t poly1305_wide_len = 256;
}

//  Not on Windows: there GCC puts vectors on a stack that is not aligned for
//  them (its bug 54412).
#if defined __x86_64__ && defined __linux__ && defined __GNUC__
#include <immintrin.h>

#define ZMQ_WIDE __attribute__ ((target ("avx512f,avx512ifma")))

namespace zmq
{
inline bool is_wide_box_wanted ()
{
    const char *const answer = getenv ("DYNC_WIDE_BOX");
    return answer == NULL || strcmp (answer, "no") != 0;
}

//  Whether this processor, and its system, can do the rest of this file, and
//  nobody said DYNC_WIDE_BOX=no: to compare, and where wide vectors slow the
//  other programs of a processor down.
inline bool has_wide_box ()
{
    static const bool has = __builtin_cpu_supports ("avx512f")
                            && __builtin_cpu_supports ("avx512ifma")
                            && is_wide_box_wanted ();
    return has;
}

//  What a compiler does not leave out.
inline void wide_box_forget (void *memory_, size_t len_)
{
    memset (memory_, 0, len_);
    __asm__ __volatile__ ("" : : "r"(memory_) : "memory");
}

//  A quarter round of 16 blocks at once: the arguments are a column, or a
//  row, of the state, from its place on the diagonal on.
#define ZMQ_SALSA20_STEP(to, a, b, bits)                                       \
    to = _mm512_xor_si512 (to, _mm512_rol_epi32 (_mm512_add_epi32 (a, b), bits))
#define ZMQ_SALSA20_QUARTER(a, b, c, d)                                        \
    ZMQ_SALSA20_STEP (b, a, d, 7);                                             \
    ZMQ_SALSA20_STEP (c, b, a, 9);                                             \
    ZMQ_SALSA20_STEP (d, c, b, 13);                                            \
    ZMQ_SALSA20_STEP (a, d, c, 18)

//  Turns four vectors, each a word of 16 blocks, into four in which each 128
//  bits are four words of one block: block 4 * i + k in part i of vector k.
ZMQ_WIDE static inline void salsa20_turn (__m512i *x_)
{
    const __m512i a = _mm512_unpacklo_epi32 (x_[0], x_[1]);
    const __m512i b = _mm512_unpackhi_epi32 (x_[0], x_[1]);
    const __m512i c = _mm512_unpacklo_epi32 (x_[2], x_[3]);
    const __m512i d = _mm512_unpackhi_epi32 (x_[2], x_[3]);
    x_[0] = _mm512_unpacklo_epi64 (a, c);
    x_[1] = _mm512_unpackhi_epi64 (a, c);
    x_[2] = _mm512_unpacklo_epi64 (b, d);
    x_[3] = _mm512_unpackhi_epi64 (b, d);
}

ZMQ_WIDE static inline void
salsa20_xor_block (uint8_t *to_, const uint8_t *from_, __m512i stream_)
{
    const __m512i text = _mm512_loadu_si512 (from_);
    _mm512_storeu_si512 (to_, _mm512_xor_si512 (text, stream_));
}

//  Ciphers len_ bytes, a multiple of salsa20_wide_len, from block block_ on.
//  to_ may be from_, or overlap it from before.
ZMQ_WIDE static inline void salsa20_wide (uint8_t *to_,
                                          const uint8_t *from_,
                                          size_t len_,
                                          const uint8_t *nonce_,
                                          uint64_t block_,
                                          const uint8_t *key_)
{
    static const uint32_t constants[4] = {0x61707865, 0x3320646e, 0x79622d32,
                                          0x6b206574};
    uint32_t key[8], nonce[2];
    memcpy (key, key_, sizeof key);
    memcpy (nonce, nonce_, sizeof nonce);

    __m512i start[16];
    for (int i = 0; i < 4; i++) {
        start[5 * i] = _mm512_set1_epi32 ((int) constants[i]);
        start[1 + i] = _mm512_set1_epi32 ((int) key[i]);
        start[11 + i] = _mm512_set1_epi32 ((int) key[4 + i]);
    }
    start[6] = _mm512_set1_epi32 ((int) nonce[0]);
    start[7] = _mm512_set1_epi32 ((int) nonce[1]);

    for (size_t at = 0; at < len_; at += salsa20_wide_len, block_ += 16) {
        uint32_t low[16], high[16];
        for (unsigned i = 0; i < 16; i++) {
            low[i] = (uint32_t) (block_ + i);
            high[i] = (uint32_t) ((block_ + i) >> 32);
        }
        start[8] = _mm512_loadu_si512 (low);
        start[9] = _mm512_loadu_si512 (high);

        __m512i x[16];
        for (int i = 0; i < 16; i++)
            x[i] = start[i];
        for (int round = 0; round < 20; round += 2) {
            ZMQ_SALSA20_QUARTER (x[0], x[4], x[8], x[12]);
            ZMQ_SALSA20_QUARTER (x[5], x[9], x[13], x[1]);
            ZMQ_SALSA20_QUARTER (x[10], x[14], x[2], x[6]);
            ZMQ_SALSA20_QUARTER (x[15], x[3], x[7], x[11]);
            ZMQ_SALSA20_QUARTER (x[0], x[1], x[2], x[3]);
            ZMQ_SALSA20_QUARTER (x[5], x[6], x[7], x[4]);
            ZMQ_SALSA20_QUARTER (x[10], x[11], x[8], x[9]);
            ZMQ_SALSA20_QUARTER (x[15], x[12], x[13], x[14]);
        }
        for (int i = 0; i < 16; i++)
            x[i] = _mm512_add_epi32 (x[i], start[i]);

        for (int i = 0; i < 16; i += 4)
            salsa20_turn (x + i);
        //  Of the first 8 blocks, and of the others: two quarters of each.
        __m512i low_half[4][2], high_half[4][2];
        for (int k = 0; k < 4; k++) {
            low_half[k][0] = _mm512_shuffle_i32x4 (x[k], x[4 + k], 0x44);
            low_half[k][1] = _mm512_shuffle_i32x4 (x[8 + k], x[12 + k], 0x44);
            high_half[k][0] = _mm512_shuffle_i32x4 (x[k], x[4 + k], 0xee);
            high_half[k][1] = _mm512_shuffle_i32x4 (x[8 + k], x[12 + k], 0xee);
        }
        const uint8_t *const from = from_ + at;
        uint8_t *const to = to_ + at;
        //  In the order in which they lie: to_ may overlap what is read next.
        for (int i = 0; i < 4; i++)
            for (int k = 0; k < 4; k++) {
                const __m512i *const half = i < 2 ? low_half[k] : high_half[k];
                const size_t offset = 64 * (4 * i + k);
                salsa20_xor_block (
                  to + offset, from + offset,
                  i % 2 == 0 ? _mm512_shuffle_i32x4 (half[0], half[1], 0x88)
                             : _mm512_shuffle_i32x4 (half[0], half[1], 0xdd));
            }
    }
    wide_box_forget (key, sizeof key);
    wide_box_forget (start, sizeof start);
}

#undef ZMQ_SALSA20_QUARTER
#undef ZMQ_SALSA20_STEP

//  A number modulo 2^130 - 5, in limbs of 44, 44 and 42 bits and a little more.
struct poly1305_limbs_t
{
    uint64_t limb[3];
};

//  The same for 8 numbers.
struct poly1305_lanes_t
{
    __m512i limb[3];
};

static const uint64_t poly1305_mask_44 = 0xfffffffffff;
static const uint64_t poly1305_mask_42 = 0x3ffffffffff;

class poly1305_wide_t
{
  public:
    poly1305_wide_t () : _buffered (0), _powers_known (false) {}

    //  Before all else; needs has_wide_box (). The key is used once, and has
    //  32 bytes.
    void init (const uint8_t *key_)
    {
        uint64_t r[2];
        memcpy (r, key_, sizeof r);
        memcpy (_pad, key_ + sizeof r, sizeof _pad);
        r[0] &= 0x0ffffffc0fffffff;
        r[1] &= 0x0ffffffc0ffffffc;
        _r.limb[0] = r[0] & poly1305_mask_44;
        _r.limb[1] = (r[0] >> 44 | r[1] << 20) & poly1305_mask_44;
        _r.limb[2] = r[1] >> 24;
        memset (&_sum, 0, sizeof _sum);
    }

    ~poly1305_wide_t ()
    {
        wide_box_forget (&_r, sizeof _r);
        wide_box_forget (&_sum, sizeof _sum);
        wide_box_forget (_pad, sizeof _pad);
        wide_box_forget (_buffer, sizeof _buffer);
        if (_powers_known) {
            wide_box_forget (&_steps, sizeof _steps);
            wide_box_forget (&_last_steps, sizeof _last_steps);
        }
    }

    void update (const uint8_t *text_, size_t len_)
    {
        if (_buffered > 0) {
            const size_t room = block_len - _buffered;
            const size_t taken = len_ < room ? len_ : room;
            if (taken > 0)
                memcpy (_buffer + _buffered, text_, taken);
            _buffered += taken;
            text_ += taken;
            len_ -= taken;
            if (_buffered < block_len)
                return;
            add_block (_buffer, 1);
            _buffered = 0;
        }
        const size_t wide = len_ - len_ % poly1305_wide_len;
        if (wide > 0) {
            add_wide (text_, wide);
            text_ += wide;
            len_ -= wide;
        }
        for (; len_ >= block_len; text_ += block_len, len_ -= block_len)
            add_block (text_, 1);
        if (len_ > 0)
            memcpy (_buffer, text_, len_);
        _buffered = len_;
    }

    void finish (uint8_t *mac_)
    {
        if (_buffered > 0) {
            memset (_buffer + _buffered, 0, block_len - _buffered);
            _buffer[_buffered] = 1;
            add_block (_buffer, 0);
        }
        carry ();
        carry ();
        uint64_t h0 = _sum.limb[0], h1 = _sum.limb[1], h2 = _sum.limb[2];
        h1 += h0 >> 44;
        h0 &= poly1305_mask_44;

        //  Less 2^130 - 5, unless that is below zero.
        uint64_t g0 = h0 + 5;
        uint64_t g1 = h1 + (g0 >> 44);
        g0 &= poly1305_mask_44;
        const uint64_t g2 = h2 + (g1 >> 44) - (poly1305_mask_42 + 1);
        g1 &= poly1305_mask_44;
        const uint64_t keeps = 0 - (g2 >> 63);
        h0 = (h0 & keeps) | (g0 & ~keeps);
        h1 = (h1 & keeps) | (g1 & ~keeps);
        h2 = (h2 & keeps) | (g2 & ~keeps);

        const uint64_t low = h0 | h1 << 44;
        const uint64_t high = h1 >> 20 | h2 << 24;
        uint64_t mac[2];
        mac[0] = low + _pad[0];
        mac[1] = high + _pad[1] + (mac[0] < low ? 1 : 0);
        memcpy (mac_, mac, sizeof mac);
    }

  private:
    static const size_t block_len = 16;

    //  One step of 16 blocks multiplies the sum, and the first 8 of them, by
    //  the first of these, and the other 8 by the second.
    struct steps_t
    {
        poly1305_lanes_t first;
        poly1305_lanes_t second;
    };

    static poly1305_limbs_t times (const poly1305_limbs_t &a_,
                                   const poly1305_limbs_t &b_)
    {
        typedef unsigned __int128 wide_t;
        const uint64_t *const a = a_.limb, *const b = b_.limb;
        //  2^132 is 20.
        const uint64_t b1 = 20 * b[1], b2 = 20 * b[2];
        wide_t d0 = (wide_t) a[0] * b[0] + (wide_t) a[1] * b2 + (wide_t) a[2] * b1;
        wide_t d1 = (wide_t) a[0] * b[1] + (wide_t) a[1] * b[0] + (wide_t) a[2] * b2;
        wide_t d2 = (wide_t) a[0] * b[2] + (wide_t) a[1] * b[1] + (wide_t) a[2] * b[0];
        poly1305_limbs_t product;
        d1 += (uint64_t) (d0 >> 44);
        d2 += (uint64_t) (d1 >> 44);
        const uint64_t h0 =
          ((uint64_t) d0 & poly1305_mask_44) + 5 * (uint64_t) (d2 >> 42);
        product.limb[0] = h0 & poly1305_mask_44;
        product.limb[1] = ((uint64_t) d1 & poly1305_mask_44) + (h0 >> 44);
        product.limb[2] = (uint64_t) d2 & poly1305_mask_42;
        return product;
    }

    void add_block (const uint8_t *block_, uint64_t end_)
    {
        uint64_t text[2];
        memcpy (text, block_, sizeof text);
        _sum.limb[0] += text[0] & poly1305_mask_44;
        _sum.limb[1] += (text[0] >> 44 | text[1] << 20) & poly1305_mask_44;
        _sum.limb[2] += text[1] >> 24 | end_ << 40;
        _sum = times (_sum, _r);
    }

    //  Powers of the key: all lanes of a step have the same, but for the last
    //  one, in which each block has its own.
    ZMQ_WIDE void know_powers ()
    {
        if (_powers_known)
            return;
        poly1305_limbs_t powers[17];
        powers[1] = _r;
        for (int i = 2; i <= 16; i++)
            powers[i] = times (powers[i - 1], _r);
        //  As add_wide has the blocks in the lanes.
        static const int places[8] = {0, 4, 1, 5, 2, 6, 3, 7};
        for (int limb = 0; limb < 3; limb++) {
            uint64_t first[8], second[8];
            for (int lane = 0; lane < 8; lane++) {
                first[lane] = powers[16 - places[lane]].limb[limb];
                second[lane] = powers[8 - places[lane]].limb[limb];
            }
            _last_steps.first.limb[limb] = _mm512_loadu_si512 (first);
            _last_steps.second.limb[limb] = _mm512_loadu_si512 (second);
            _steps.first.limb[limb] =
              _mm512_set1_epi64 ((long long) powers[16].limb[limb]);
            _steps.second.limb[limb] =
              _mm512_set1_epi64 ((long long) powers[8].limb[limb]);
            wide_box_forget (first, sizeof first);
            wide_box_forget (second, sizeof second);
        }
        wide_box_forget (powers, sizeof powers);
        _powers_known = true;
    }

    //  8 blocks, of 128 bytes together.
    ZMQ_WIDE static inline poly1305_lanes_t lanes_of (const uint8_t *text_)
    {
        const __m512i mask = _mm512_set1_epi64 ((long long) poly1305_mask_44);
        const __m512i end = _mm512_set1_epi64 (1LL << 40);
        const __m512i a = _mm512_loadu_si512 (text_);
        const __m512i b = _mm512_loadu_si512 (text_ + 64);
        const __m512i low = _mm512_unpacklo_epi64 (a, b);
        const __m512i high = _mm512_unpackhi_epi64 (a, b);
        poly1305_lanes_t lanes;
        lanes.limb[0] = _mm512_and_si512 (low, mask);
        lanes.limb[1] = _mm512_and_si512 (
          _mm512_or_si512 (_mm512_srli_epi64 (low, 44),
                           _mm512_slli_epi64 (high, 20)),
          mask);
        lanes.limb[2] = _mm512_or_si512 (_mm512_srli_epi64 (high, 24), end);
        return lanes;
    }

    //  Sums of products, of which low_ has the lower 52 bits and high_ what is
    //  above them. Factors are below 2^52: 20 times a limb is.
    struct products_t
    {
        __m512i low[3], high[3];
    };

    ZMQ_WIDE static inline __m512i times_20 (__m512i x_)
    {
        return _mm512_add_epi64 (_mm512_slli_epi64 (x_, 4),
                                 _mm512_slli_epi64 (x_, 2));
    }

    ZMQ_WIDE static inline void
    add_product (products_t *sums_, int limb_, __m512i a_, __m512i b_)
    {
        sums_->low[limb_] = _mm512_madd52lo_epu64 (sums_->low[limb_], a_, b_);
        sums_->high[limb_] = _mm512_madd52hi_epu64 (sums_->high[limb_], a_, b_);
    }

    ZMQ_WIDE static inline void add_products (products_t *sums_,
                                              const poly1305_lanes_t &a_,
                                              const poly1305_lanes_t &b_)
    {
        const __m512i *const a = a_.limb, *const b = b_.limb;
        const __m512i b1 = times_20 (b[1]), b2 = times_20 (b[2]);
        add_product (sums_, 0, a[0], b[0]);
        add_product (sums_, 1, a[0], b[1]);
        add_product (sums_, 2, a[0], b[2]);
        add_product (sums_, 0, a[1], b2);
        add_product (sums_, 1, a[1], b[0]);
        add_product (sums_, 2, a[1], b[1]);
        add_product (sums_, 0, a[2], b1);
        add_product (sums_, 1, a[2], b2);
        add_product (sums_, 2, a[2], b[0]);
    }

    //  2^52 is 2^8 of the next limb; behind the last one 2^140 is 20 * 2^8.
    ZMQ_WIDE static inline poly1305_lanes_t reduced (const products_t &sums_)
    {
        const __m512i mask_44 = _mm512_set1_epi64 ((long long) poly1305_mask_44);
        const __m512i mask_42 = _mm512_set1_epi64 ((long long) poly1305_mask_42);
        __m512i d0 = _mm512_add_epi64 (
          sums_.low[0], times_20 (_mm512_slli_epi64 (sums_.high[2], 8)));
        __m512i d1 =
          _mm512_add_epi64 (sums_.low[1], _mm512_slli_epi64 (sums_.high[0], 8));
        __m512i d2 =
          _mm512_add_epi64 (sums_.low[2], _mm512_slli_epi64 (sums_.high[1], 8));
        d1 = _mm512_add_epi64 (d1, _mm512_srli_epi64 (d0, 44));
        d0 = _mm512_and_si512 (d0, mask_44);
        d2 = _mm512_add_epi64 (d2, _mm512_srli_epi64 (d1, 44));
        const __m512i over = _mm512_srli_epi64 (d2, 42);
        poly1305_lanes_t lanes;
        lanes.limb[0] = _mm512_add_epi64 (
          d0, _mm512_add_epi64 (over, _mm512_slli_epi64 (over, 2)));
        lanes.limb[1] = _mm512_and_si512 (d1, mask_44);
        lanes.limb[2] = _mm512_and_si512 (d2, mask_42);
        return lanes;
    }

    ZMQ_WIDE static inline poly1305_lanes_t step (poly1305_lanes_t sum_,
                                                  const uint8_t *text_,
                                                  const steps_t &steps_)
    {
        const poly1305_lanes_t text = lanes_of (text_);
        products_t sums;
        for (int i = 0; i < 3; i++) {
            sum_.limb[i] = _mm512_add_epi64 (sum_.limb[i], text.limb[i]);
            sums.low[i] = sums.high[i] = _mm512_setzero_si512 ();
        }
        add_products (&sums, lanes_of (text_ + 128), steps_.second);
        add_products (&sums, sum_, steps_.first);
        return reduced (sums);
    }

    //  len_: a multiple of poly1305_wide_len.
    ZMQ_WIDE void add_wide (const uint8_t *text_, size_t len_)
    {
        know_powers ();
        poly1305_lanes_t sum;
        for (int i = 0; i < 3; i++)
            sum.limb[i] = _mm512_zextsi128_si512 (
              _mm_cvtsi64_si128 ((long long) _sum.limb[i]));
        const steps_t steps = _steps;
        for (; len_ > poly1305_wide_len;
             text_ += poly1305_wide_len, len_ -= poly1305_wide_len)
            sum = step (sum, text_, steps);
        sum = step (sum, text_, _last_steps);
        //  8 times a little more than 44 bits is no more than 48.
        for (int i = 0; i < 3; i++)
            _sum.limb[i] = (uint64_t) _mm512_reduce_add_epi64 (sum.limb[i]);
        carry ();
    }

    void carry ()
    {
        uint64_t *const h = _sum.limb;
        h[1] += h[0] >> 44;
        h[0] &= poly1305_mask_44;
        h[2] += h[1] >> 44;
        h[1] &= poly1305_mask_44;
        h[0] += 5 * (h[2] >> 42);
        h[2] &= poly1305_mask_42;
    }

    poly1305_limbs_t _r;
    poly1305_limbs_t _sum;
    uint64_t _pad[2];
    uint8_t _buffer[block_len];
    size_t _buffered;
    bool _powers_known;
    steps_t _steps;
    steps_t _last_steps;

    poly1305_wide_t (const poly1305_wide_t &);
    void operator= (const poly1305_wide_t &);
};
}

#undef ZMQ_WIDE

#else

namespace zmq
{
inline bool has_wide_box ()
{
    return false;
}

inline void salsa20_wide (
  uint8_t *, const uint8_t *, size_t, const uint8_t *, uint64_t, const uint8_t *)
{
}

class poly1305_wide_t
{
  public:
    void init (const uint8_t *) {}
    void update (const uint8_t *, size_t) {}
    void finish (uint8_t *) {}
};
}

#endif

#endif
