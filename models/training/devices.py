"""Whether this machine has the device that a model is to compute on."""

import torch


class DeviceError(ValueError):
    """There is no such device on this machine. The message names it and says what to do."""


def require_device(name: str) -> None:
    """Compute something on a device, as torch spells it, such as `cpu` or `cuda:1`.

    Raises:
        DeviceError: If that is not possible.
    """
    try:
        torch.zeros(1, device=name).sum().item()
    except (RuntimeError, AssertionError) as error:  # which of them depends on the kind of device
        reason = str(error).partition("\n")[0].rstrip(".")
        raise DeviceError(f"device {name!r} cannot be used here ({reason}): choose another one, such as cpu") from error
