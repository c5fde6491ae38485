"""Answers to A1.6, one step of TV-L1."""

RIGHT = [
    """
def data_step(flow, start, gradient, difference, lambda_, theta):
    rho = difference + ((flow - start) * gradient).sum(dim=1)
    square = (gradient**2).sum(dim=1)
    limit = lambda_ * theta * square
    divisor = torch.where(square > 0, square, torch.ones_like(square))
    factor = -rho / divisor
    factor = torch.where(rho > limit, -lambda_ * theta, factor)
    factor = torch.where(rho < -limit, lambda_ * theta, factor)
    return flow + factor[:, None] * gradient
""",
    """
def data_step(flow, start, gradient, difference, lambda_, theta):
    rho = difference[:, None] + reduce((flow - start) * gradient, "b c h w -> b 1 h w", "sum")
    square = reduce(gradient**2, "b c h w -> b 1 h w", "sum")
    step = (rho / (square + 1e-9)).clamp(-lambda_ * theta, lambda_ * theta)
    return flow - step * gradient
""",
    """
def data_step(flow, start, gradient, difference, lambda_, theta):
    result = flow.clone()
    batch, _, height, width = flow.shape
    if flow.is_meta:
        return result
    for b in range(batch):
        for y in range(height):
            for x in range(width):
                g = gradient[b, :, y, x]
                rho = difference[b, y, x] + torch.dot(g, flow[b, :, y, x] - start[b, :, y, x])
                limit = lambda_ * theta * torch.dot(g, g)
                if rho < -limit:
                    result[b, :, y, x] += lambda_ * theta * g
                elif rho > limit:
                    result[b, :, y, x] -= lambda_ * theta * g
                elif limit > 0:
                    result[b, :, y, x] -= rho * g / torch.dot(g, g)
    return result
""",
    """
def data_step(flow, start, gradient, difference, lambda_, theta):
    gx, gy = gradient[:, 0], gradient[:, 1]
    rho = difference + gx * (flow[:, 0] - start[:, 0]) + gy * (flow[:, 1] - start[:, 1])
    bound = lambda_ * theta
    step = torch.nan_to_num(rho / (gx * gx + gy * gy), nan=0.0).clamp(min=-bound, max=bound)
    return torch.stack([flow[:, 0] - step * gx, flow[:, 1] - step * gy], dim=1)
""",
]

_PIECES = """
def data_step(flow, start, gradient, difference, lambda_, theta):
    rho = difference + ((flow - start) * gradient).sum(dim=1)
    square = (gradient**2).sum(dim=1)
    rho, square = rho[:, None], square[:, None]
    far = lambda_ * theta
"""

WRONG = [
    (
        "sign of the step flipped",
        _PIECES
        + """
    return flow + (rho / square.clamp(min=1e-9)).clamp(-far, far) * gradient
""",
    ),
    (
        "no limit",
        _PIECES
        + """
    return flow - rho / square.clamp(min=1e-9) * gradient
""",
    ),
    (
        "limit without the squared gradient",
        _PIECES
        + """
    step = torch.where(square > 0, -rho * gradient / square.clamp(min=1e-9), 0.0)
    step = torch.where(rho < -far, far * gradient, step)
    step = torch.where(rho > far, -far * gradient, step)
    return flow + step
""",
    ),
    (
        "nan without a gradient",
        _PIECES
        + """
    return flow - (rho / square).clamp(-far, far) * gradient
""",
    ),
    (
        "residual without the linear term",
        """
def data_step(flow, start, gradient, difference, lambda_, theta):
    square = (gradient**2).sum(dim=1)
    step = (difference / square.clamp(min=1e-9)).clamp(-lambda_ * theta, lambda_ * theta)
    return flow - step[:, None] * gradient
""",
    ),
    (
        "start left out",
        """
def data_step(flow, start, gradient, difference, lambda_, theta):
    rho = difference + (flow * gradient).sum(dim=1)
    square = (gradient**2).sum(dim=1)
    step = (rho / square.clamp(min=1e-9)).clamp(-lambda_ * theta, lambda_ * theta)
    return flow - step[:, None] * gradient
""",
    ),
    (
        "missing square",
        """
def data_step(flow, start, gradient, difference, lambda_, theta):
    rho = (difference + ((flow - start) * gradient).sum(dim=1))[:, None]
    square = gradient.norm(dim=1, keepdim=True)
    limit = lambda_ * theta * square
    step = torch.where(square > 0, -rho * gradient / square.clamp(min=1e-9), 0.0)
    step = torch.where(rho < -limit, lambda_ * theta * gradient, step)
    step = torch.where(rho > limit, -lambda_ * theta * gradient, step)
    return flow + step
""",
    ),
    (
        "each channel by itself",
        """
def data_step(flow, start, gradient, difference, lambda_, theta):
    rho = difference[:, None] + (flow - start) * gradient
    square = gradient**2
    step = (rho / square.clamp(min=1e-9)).clamp(-lambda_ * theta, lambda_ * theta)
    return flow - step * gradient
""",
    ),
    (
        "limited cases exchanged",
        _PIECES
        + """
    step = torch.where(square > 0, -rho * gradient / square.clamp(min=1e-9), 0.0)
    step = torch.where(rho < -far * square, -far * gradient, step)
    step = torch.where(rho > far * square, far * gradient, step)
    return flow + step
""",
    ),
    (
        "lambda or theta forgotten",
        _PIECES
        + """
    return flow - (rho / square.clamp(min=1e-9)).clamp(-lambda_, lambda_) * gradient
""",
    ),
    (
        "the step for the flow",
        _PIECES
        + """
    return -(rho / square.clamp(min=1e-9)).clamp(-far, far) * gradient
""",
    ),
    (
        "input edited in place",
        _PIECES
        + """
    flow -= (rho / square.clamp(min=1e-9)).clamp(-far, far) * gradient
    return flow
""",
    ),
    (
        "flow lost without a gradient",
        _PIECES
        + """
    return torch.nan_to_num(flow - (rho / square).clamp(-far, far) * gradient)
""",
    ),
]
