/* Reads beside an area of kernels_draw.h: what guards it must end the program. */
#include "kernels_draw.h"

int main(void) {
    board_init();
    guard_areas();
    const volatile int32_t beside = BESIDE; /* for no compiler to see */
    const volatile int8_t *const values = draw_values(input_area, CAPACITY);
    (void)values[0];
    (void)values[CAPACITY - 1];
    console_text("inside\n");
    (void)values[beside];
    console_text("beside\n");
    return 0;
}
