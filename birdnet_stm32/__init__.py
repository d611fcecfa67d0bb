"""From bird recordings to proven firmware for the STM32N6."""
