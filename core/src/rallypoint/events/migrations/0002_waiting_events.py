from tortoise import migrations
from tortoise.migrations import operations as ops
from rallypoint.storage.indexes import WaitingIndex

class Migration(migrations.Migration):
    dependencies = [('events', '0001_initial')]

    initial = False

    operations = [
        ops.AddIndex(
            model_name='StoredEvent',
            index=WaitingIndex(fields=['subject', 'seq'], column='fan_at'),
        ),
    ]
