from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise import fields
from tortoise.indexes import Index

class Migration(migrations.Migration):
    initial = True

    operations = [
        ops.CreateModel(
            name='Asked',
            fields=[
                ('id', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('account_id', fields.CharField(max_length=36)),
                ('mode', fields.CharField(max_length=8)),
                ('user_id', fields.CharField(max_length=36)),
                ('request_id', fields.CharField(unique=True, max_length=64)),
                ('meeting_id', fields.CharField(null=True, db_index=True, max_length=20)),
                ('asked_at', fields.BigIntField()),
                ('ends_at', fields.BigIntField()),
                ('event_seq', fields.BigIntField(default=0)),
            ],
            options={'table': 'zoom_meetings', 'app': 'zoom', 'indexes': [Index(fields=['account_id']), Index(fields=['ends_at'])], 'pk_attr': 'id'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='Heard',
            fields=[
                ('id', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=64)),
                ('at', fields.BigIntField(db_index=True)),
            ],
            options={'table': 'zoom_heard', 'app': 'zoom', 'pk_attr': 'id'},
            bases=['Model'],
        ),
    ]
