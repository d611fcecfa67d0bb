/* Answers questions to birdnet_sun.h, one a line: "day D LAT LON ALT" and "up UNIX LAT LON ALT". */
#include "birdnet_sun.h"
#include <inttypes.h>
#include <stdio.h>

int main(void) {
    char what[4];
    int64_t when;
    int32_t latitude, longitude;
    int altitude;
    while (scanf("%3s %" SCNd64 " %" SCNd32 " %" SCNd32 " %d", what, &when, &latitude, &longitude,
                 &altitude) == 5) {
        birdnet_sun_day_t sun = {0};
        bool is_up = false;
        const birdnet_sun_altitude_t at = (birdnet_sun_altitude_t)altitude;
        if (what[0] == 'd') {
            const birdnet_status_t status =
                birdnet_sun_day((int32_t)when, latitude, longitude, at, &sun);
            printf("%d %" PRId32 " %d %" PRId32 " %d %" PRId32 " %d\n", status, sun.noon_s,
                   sun.has_rise, sun.rise_s, sun.has_set, sun.set_s, sun.is_up_at_noon);
        } else {
            const birdnet_status_t status =
                birdnet_sun_is_up(when, latitude, longitude, at, &is_up);
            printf("%d %d %d\n", status, is_up, birdnet_sun_light(when, latitude, longitude));
        }
    }
    return 0;
}
