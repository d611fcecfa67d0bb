/* Generated: the head that the network is built with, 488 bytes, in its section.
 *
 * The linker script places the section .birdnet_head. An update writes the bytes of another head
 * over its beginning: runtime/birdnet_head.h has the layout, field by field. */
#include "birdnet_network.h"

#include <assert.h>

#if defined(__ELF__)
#define IN_SECTION __attribute__((section(".birdnet_head"), used, aligned(8)))
#else
#define IN_SECTION
#endif

enum {
    CLASSES = 4,
    NAMES_BYTES = 60,
    ROOM_BYTES = 3608, /* for heads with more classes */
};

static const struct {
    birdnet_head_header_t header;
    double scales[CLASSES];
    int32_t bias[CLASSES];
    float thresholds[CLASSES];
    int8_t table[256];
    int8_t weights[CLASSES * BIRDNET_BACKBONE_ELEMENTS];
    char names[NAMES_BYTES];
    uint8_t room[ROOM_BYTES];
} head IN_SECTION = {
    /* clang-format off */
    .header = {
        .magic = BIRDNET_HEAD_MAGIC,
        .format = BIRDNET_HEAD_FORMAT,
        .size_bytes = 488,
        .crc32 = 0x6A7E48EC,
        .version = 1,
        .classes = CLASSES,
        .channels = BIRDNET_BACKBONE_ELEMENTS,
        .output_is_logit = 0,
        .backbone = {
            0xF2, 0x74, 0x65, 0x4D, 0x89, 0xF3, 0xDC, 0xC3, 0x5C, 0xE0, 0xCB, 0x31, 0xD7, 0x5C, 0x71, 0x0F,
            0x52, 0x00, 0x64, 0x3B, 0x7E, 0x97, 0xD9, 0x1E, 0xE2, 0x2D, 0xAC, 0x3D, 0x09, 0x2F, 0xDD, 0x4D,
        },
        .input_scale = 0.02f,
        .input_zero_point = -128,
        .dense_zero_point = 3,
        .dense_minimum = -128,
        .dense_maximum = 127,
        .output_scale = 0.00390625f,
        .output_zero_point = -128,
        .names_bytes = NAMES_BYTES,
    },
    .scales = {
        0.001999999880790713,
        0.003999999761581426,
        0.00599999964237214,
        0.007999999523162852,
    },
    .bias = {
        5248, 5504, 11776, -23680,
    },
    .thresholds = {
        0.5f, 0.5f, 0.5f, 0.5f,
    },
    .table = {
        -128, -128, -128, -128, -128, -128, -128, -128, -128, -128, -128, -128, -128, -128,
        -128, -128, -128, -128, -128, -128, -128, -128, -128, -128, -128, -128, -128, -128,
        -128, -128, -128, -128, -128, -128, -128, -128, -128, -128, -128, -128, -128, -128,
        -128, -128, -128, -128, -128, -128, -128, -128, -128, -128, -128, -128, -128, -128,
        -128, -128, -128, -128, -128, -128, -128, -128, -128, -128, -128, -128, -128, -127,
        -127, -127, -127, -127, -127, -127, -127, -127, -127, -127, -126, -126, -126, -126,
        -126, -125, -125, -125, -125, -124, -124, -123, -123, -122, -122, -121, -120, -120,
        -119, -118, -117, -116, -115, -113, -112, -110, -109, -107, -105, -102, -100, -97, -95,
        -92, -88, -85, -81, -77, -73, -69, -64, -59, -54, -49, -43, -37, -31, -25, -19, -13, -6,
        0, 6, 13, 19, 25, 31, 37, 43, 49, 54, 59, 64, 69, 73, 77, 81, 85, 88, 92, 95, 97, 100,
        102, 105, 107, 109, 110, 112, 113, 115, 116, 117, 118, 119, 120, 120, 121, 122, 122,
        123, 123, 124, 124, 125, 125, 125, 125, 126, 126, 126, 126, 126, 127, 127, 127, 127,
        127, 127, 127, 127, 127, 127, 127, 127, 127, 127, 127, 127, 127, 127, 127, 127, 127,
        127, 127, 127, 127, 127, 127, 127, 127, 127, 127, 127, 127, 127, 127, 127, 127, 127,
        127, 127, 127, 127, 127, 127, 127, 127, 127, 127, 127, 127, 127, 127, 127, 127, 127,
        127, 127, 127, 127, 127, 127, 127, 127, 127, 127, 127, 127, 127, 127, 127, 127, 127,
        127,
    },
    .weights = {
        51, 31, -41, 125, -9, -73, 88, -87, 91, 29, -98, -116,
    },
    .names =
        "Great Tit" "\0"
        "H\303\266ckerschwan" "\0"
        "a \"quoted\" \\ name" "\0"
        "background",
    .room = {0},
    /* clang-format on */
};

const uint32_t birdnet_head_built_in_crc32 = 0x6A7E48EC;

static_assert(sizeof head == BIRDNET_HEAD_SECTION_BYTES, "the layout has no gaps");

/* Volatile, because the compiler must not use what it knows of a section that may be replaced. */
static const void *const volatile section = &head;

const void *birdnet_head_section(void) {
    return section;
}
