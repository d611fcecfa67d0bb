/* CRC-32 (IEEE 802.3, as in zlib), byte by byte: start with CRC32_BEGIN, add each byte, then end.
 */
#ifndef CRC32_H
#define CRC32_H

#include <stdint.h>

#define CRC32_BEGIN UINT32_MAX

static inline uint32_t crc32_add(uint32_t crc, uint32_t byte) {
    crc ^= byte;
    for (uint32_t bit = 0; bit < 8u; ++bit) {
        crc = (crc >> 1) ^ (0xEDB88320u & (0u - (crc & 1u)));
    }
    return crc;
}

static inline uint32_t crc32_end(uint32_t crc) {
    return ~crc;
}

#endif
