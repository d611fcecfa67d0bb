"""Turn bird recordings into tested firmware for the STM32N6. Notebooks import ``birdnet_stm32.api``."""
