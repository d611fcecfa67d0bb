/* An input of [3, 5, 2] that is stored as [5, 3, 2] is filled by lines as by the whole. */
#include "birdnet_network.h"

#include <stdlib.h>
#include <string.h>

enum { ELEMENTS = 30 };

static _Alignas(BIRDNET_ARENA_ALIGNMENT) int8_t arena[BIRDNET_ARENA_BYTES];
static birdnet_network_t network;
static float values[ELEMENTS];
static int8_t whole[ELEMENTS];

static void require(int holds) {
    if (!holds) {
        abort();
    }
}

/* Lines of `count` elements, `stride` apart, that begin at the first `inner` elements of each of
 * `outer` blocks of `block` elements. */
static void fill_by_lines(uint32_t count, uint32_t stride, uint32_t outer, uint32_t block,
                          uint32_t inner) {
    int8_t found[ELEMENTS];
    float line[5];
    memset(arena, 99, sizeof arena);
    for (uint32_t k = 0; k < outer * inner; ++k) {
        const uint32_t first = k / inner * block + k % inner;
        for (uint32_t i = 0; i < count; ++i) {
            line[i] = values[first + i * stride];
        }
        require(birdnet_network_quantize_line(&network, line, count, first, stride) == BIRDNET_OK);
    }
    require(birdnet_network_get_input(&network, found) == BIRDNET_OK);
    require(memcmp(found, whole, sizeof whole) == 0);
}

int main(void) {
    for (int i = 0; i < ELEMENTS; ++i) {
        values[i] = (float)i;
    }
    require(birdnet_network_init(&network, arena, sizeof arena) == BIRDNET_OK);
    require(birdnet_network_quantize(&network, values) == BIRDNET_OK);
    require(arena[0] == 0 && arena[2] == 10 && arena[6] == 2);
    require(birdnet_network_get_input(&network, whole) == BIRDNET_OK);
    require(whole[0] == 0 && whole[11] == 11 && whole[29] == 29);
    fill_by_lines(3, 10, 1, 0, 10);
    fill_by_lines(5, 2, 3, 10, 2);
    fill_by_lines(2, 1, 15, 2, 1);
    fill_by_lines(1, 1, 1, 0, 30);
    return 0;
}
