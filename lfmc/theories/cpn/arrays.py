"""Complex views and Bessel functions of numpy arrays and of torch tensors."""

import sys
from typing import Any

import numpy as np
from scipy import special


def _torch_of(x: Any) -> Any:
    """The module torch where x is a tensor, else None."""
    return sys.modules["torch"] if type(x).__module__.partition(".")[0] == "torch" else None


def complex_of(parts: Any) -> Any:
    """(..., 2) real and imaginary parts as complex numbers (...)."""
    torch = _torch_of(parts)
    if torch:
        return torch.view_as_complex(parts.contiguous())
    return np.ascontiguousarray(parts, dtype=np.float64).view(np.complex128)[..., 0]


def parts_of(z: Any) -> Any:
    """Complex numbers (...) as real and imaginary parts (..., 2)."""
    torch = _torch_of(z)
    return torch.view_as_real(z) if torch else np.stack([z.real, z.imag], -1)


def square_of(w: Any) -> Any:
    """|w|^2."""
    return w.real * w.real + w.imag * w.imag


def log_bessel(u: Any) -> Any:
    """log I_0(u) of u >= 0."""
    torch = _torch_of(u)
    return u + (torch.log(torch.special.i0e(u)) if torch else np.log(special.i0e(u)))


def bessel_ratio(u: Any) -> Any:
    """I_1(u) / I_0(u) of u >= 0."""
    torch = _torch_of(u)
    found = torch.special if torch else special
    return found.i1e(u) / found.i0e(u)
