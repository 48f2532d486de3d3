# é not UTF-8, but a remark
from scratch
label a=Ã¼ber